"""Writes the averaged weights of a checkpoint as a GGUF file: matrices F16, norms F32.

    python3 export.py [work/train.pt] [../../models/orion-tiny.gguf]
"""
import pathlib
import sys

import numpy as np
import torch

import gguf
from gguf import ARRAY, BOOL, F32, I32, STRING, U32
from model import Config
from train import CHECKPOINT
from vocab import ADDED, Vocab

DESTINATION = pathlib.Path(__file__).resolve().parents[2] / "models" / "orion-tiny.gguf"
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6

# as published with Phi-3-mini-4k-instruct
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


def token_tables(vocab):
    """Texts, scores and types in id order."""
    sp = vocab.sp
    texts, scores, types = [], [], []
    for i in range(sp.vocab_size()):
        texts.append(sp.id_to_piece(i))
        scores.append(sp.get_score(i))
        types.append(UNKNOWN if sp.is_unknown(i) else CONTROL if sp.is_control(i) else BYTE if sp.is_byte(i) else NORMAL)
    for text in ADDED:
        texts.append(text)
        scores.append(-1000.0)
        types.append(CONTROL)
    return texts, scores, types


def model_keys(config):
    return [
        ("phi3.context_length", U32, config.n_ctx),
        ("phi3.rope.scaling.original_context_length", U32, config.n_ctx),
        ("phi3.embedding_length", U32, config.n_embd),
        ("phi3.feed_forward_length", U32, config.n_ff),
        ("phi3.block_count", U32, config.n_layer),
        ("phi3.attention.head_count", U32, config.n_head),
        ("phi3.attention.head_count_kv", U32, config.n_head),
        ("phi3.attention.layer_norm_rms_epsilon", F32, config.eps),
        ("phi3.rope.dimension_count", U32, config.n_embd // config.n_head),
        ("phi3.rope.freq_base", F32, config.rope_base),
        # the whole context, so no window at all: older readers of phi3 insist on the key
        ("phi3.attention.sliding_window", U32, config.n_ctx),
        ("phi3.vocab_size", U32, config.n_vocab),
    ]


def tokenizer_keys(vocab):
    texts, scores, types = token_tables(vocab)
    return [
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, texts)),
        ("tokenizer.ggml.scores", ARRAY, (F32, scores)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, types)),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, vocab.added["<|endoftext|>"]),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
        ("tokenizer.ggml.padding_token_id", U32, vocab.added["<|endoftext|>"]),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
        ("tokenizer.ggml.add_space_prefix", BOOL, True),
        ("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def export(checkpoint, path):
    state = torch.load(checkpoint, map_location="cpu")
    config = Config(**state["config"])
    vocab = Vocab()
    weights = state["average"]
    count = sum(w.numel() for w in weights.values())
    keys = [
        ("general.architecture", STRING, "phi3"),
        ("general.type", STRING, "model"),
        ("general.name", STRING, "orion-tiny"),
        ("general.description", STRING, "Demonstration model: summarises short synthetic health records in Spanish and English. "
                                        "Not for medical use."),
        ("general.size_label", STRING, f"{count / 1e6:.1f}M"),
        ("general.license", STRING, "mit"),
        ("general.languages", ARRAY, (STRING, ["es", "en"])),
        ("general.file_type", U32, 1),
        ("general.quantization_version", U32, 2),
        ("general.alignment", U32, gguf.ALIGNMENT),
    ] + model_keys(config) + tokenizer_keys(vocab)
    tensors = [(name if name.endswith(".weight") else name + ".weight",
                w.numpy().astype(np.float16 if w.dim() == 2 else np.float32)) for name, w in weights.items()]
    gguf.write(path, keys, tensors)
    print(f"{path}: {count} weights, {pathlib.Path(path).stat().st_size} bytes; step {state['step']}, "
          f"{state['tokens'] / 1e6:.1f}M tokens, {state['seconds'] / 60:.0f} minutes")


if __name__ == "__main__":
    export(sys.argv[1] if len(sys.argv) > 1 else CHECKPOINT, sys.argv[2] if len(sys.argv) > 2 else DESTINATION)
