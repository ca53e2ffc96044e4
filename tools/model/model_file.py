"""Writes and reads static model files (`.rgm`), version 1.

All integers are little-endian. The file is, in this order and without gaps:

    header     256 bytes, see HEADER: magic, version, sizes, ids of special tokens, name, and the BLAKE3 digest of the whole file
               with the digest's own bytes zero
    slots      u32 × n_slots: an open-addressing hash table of the vocabulary (linear probing); a slot is 0 when empty, else
               tag << 20 | (id + 1), where tag is the top 12 bits of the token's hash
    ends       u32 × n_tokens: where each token's text ends in `text`
    text       the tokens' UTF-8 text, one after another
    scales     f32 × n_tokens
    rows       i8 × n_tokens × dims: the vector of token t is scales[t] * rows[t]

The hash is 64-bit FNV-1a over the token's bytes; its slot is (hash ^ hash >> 32) modulo n_slots.
"""

import struct

import numpy as np
from blake3 import blake3

MAGIC = b"RAGGEDSM"
VERSION = 1
# magic, version, dims, n_tokens, n_slots, text bytes, id of the unknown token, longest word in characters,
# number of special tokens, their ids, name, digest; zeros up to 256 bytes
HEADER = struct.Struct("<8sIIIIIIII16I64s32s")
HEADER_BYTES = 256
FNV_OFFSET, FNV_PRIME, MASK_64 = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def token_hash(token):
    """64-bit FNV-1a of a token's UTF-8 bytes."""
    value = FNV_OFFSET
    for byte in token.encode():
        value = ((value ^ byte) * FNV_PRIME) & MASK_64
    return value


def hash_table(vocabulary):
    """The slots of a vocabulary: of two equal tokens the later one is found."""
    n_slots = 1 << (2 * len(vocabulary) - 1).bit_length()
    slots = np.zeros(n_slots, dtype="<u4")
    id_of = {token: id for id, token in enumerate(vocabulary)}
    for token, id in sorted(id_of.items(), key=lambda item: item[1]):
        value = token_hash(token)
        slot = (value ^ value >> 32) % n_slots
        while slots[slot]:
            slot = (slot + 1) % n_slots
        slots[slot] = (value >> 52) << 20 | (id + 1)
    return slots


def quantise(table):
    """Scales (16-bit floats) and int8 rows of a table of token vectors; rows of zeros keep a scale of 0."""
    table = table / np.abs(table).max()
    scales = (np.abs(table).max(axis=1) / 127).astype(np.float16).astype(np.float64)
    rows = np.rint(table / np.where(scales > 0, scales, 1)[:, None])
    return scales.astype("<f4"), np.clip(rows, -127, 127).astype(np.int8)


def write(path, name, vocabulary, special, unknown, max_word_chars, table):
    """Writes a model file and returns its bytes. `special` lists tokens cut out of the raw text, before normalisation."""
    scales, rows = quantise(table)
    texts = [token.encode() for token in vocabulary]
    slots = hash_table(vocabulary)
    text = b"".join(texts)
    ends = np.cumsum([len(token) for token in texts]).astype("<u4")
    body = slots.tobytes() + ends.tobytes() + text + scales.tobytes() + rows.tobytes()
    ids = [vocabulary.index(token) for token in special]
    header = HEADER.pack(
        MAGIC, VERSION, table.shape[1], len(vocabulary), len(slots), len(text), vocabulary.index(unknown), max_word_chars,
        len(ids), *ids, *[0] * (16 - len(ids)), name.encode(), bytes(32),
    ).ljust(HEADER_BYTES, b"\0")  # fmt: skip
    digest = blake3(header + body).digest()
    data = header[: HEADER.size - 32] + digest + header[HEADER.size :] + body
    path.write_bytes(data)
    return data


def read(path):
    """Returns the vocabulary and the dequantised table of a model file."""
    data = path.read_bytes()
    magic, version, dims, n_tokens, n_slots, text_len, *rest = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise SystemExit(f"{path}: not a static model file of version {VERSION}")
    if blake3(data[: HEADER.size - 32] + bytes(32) + data[HEADER.size :]).digest() != rest[-1]:
        raise SystemExit(f"{path}: checksum does not match")
    offset = HEADER_BYTES + 4 * n_slots
    ends = np.frombuffer(data, "<u4", n_tokens, offset)
    offset += 4 * n_tokens
    text = data[offset : offset + text_len]
    starts = np.concatenate([[0], ends[:-1]])
    vocabulary = [text[start:end].decode() for start, end in zip(starts, ends, strict=True)]
    offset += text_len
    scales = np.frombuffer(data, "<f4", n_tokens, offset).astype(np.float64)
    rows = np.frombuffer(data, np.int8, n_tokens * dims, offset + 4 * n_tokens).reshape(n_tokens, dims)
    return vocabulary, scales[:, None] * rows
