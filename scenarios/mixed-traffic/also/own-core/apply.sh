# The engines share two cores here; the new one is told to take the other.
bash ../../../common/second_engine.sh vllm-batch vllm-batch
kubectl set env deployment vllm-batch VLLM_CPU_OMP_THREADS_BIND=1
