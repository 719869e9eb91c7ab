# Two kinds of traffic, two engines: the Service that batch sends to leads to one of its own.
bash "$(dirname "$0")/../../common/second_engine.sh" vllm-batch vllm-batch
