#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a file as a C array: embed.py INPUT OUTPUT NAME."""
import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as f:
    data = f.read()
rows = ["\t" + ", ".join(f"0x{b:02x}" for b in data[i:i + 12]) + "," for i in range(0, len(data), 12)]
with open(target, "w", encoding="ascii") as f:
    f.write('#include "drivers/steerimage.h"\n\n')
    f.write(f"alignas(8) const unsigned char {name}[] = {{\n" + "\n".join(rows) + "\n};\n")
    f.write(f"const size_t {name}_size = {len(data)};\n")
