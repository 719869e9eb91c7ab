# The other way round: chat gets the new engine.
bash ../../../common/second_engine.sh vllm-chat vllm-server
