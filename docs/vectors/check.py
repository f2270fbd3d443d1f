#!/usr/bin/env python3
"""Checks the test vectors of this folder with code that shares nothing with the server.

    python3 docs/vectors/check.py          checks every file
    python3 docs/vectors/check.py --fill   computes what a new case does not say yet

It needs nothing but Python's own library, and is short enough to be read beside docs/PROTOCOL.md.
"""

import hashlib
import json
import math
import sys
import uuid
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NAMESPACE = uuid.UUID("6f2f98a1-0c5e-5b1c-9d0a-7c6179737461")


# ---- Canonical text ----

def number(value):
    """A number inside a value in its one spelling: the nearest double, as ECMAScript writes it (RFC 8785)."""
    value = float(value)
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    # Python's repr is the shortest text that reads back as the same double, as ECMAScript's is; the form differs.
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    digits = stripped
    point = len(digits) + exponent
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        fraction = "." + digits[1:] if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return ("-" if sign else "") + text


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string(value):
    letters = (SHORT.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in value)
    return '"' + "".join(letters) + '"'


def canonical(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    members = sorted(value.items(), key=lambda member: member[0].encode())
    return "{" + ",".join(f"{string(key)}:{canonical(item)}" for key, item in members) + "}"


def mutation_text(case):
    """`sent` is the mutation's row in a run, as it travels: `[id, base, at, [value, …]]`."""
    row_id, base, at, values = json.loads(case["sent"])
    # Number, base and time are 64-bit integers. Python writes them in digits, as JSON's reader here read them.
    integers = [json.dumps(integer, separators=(",", ":")) for integer in (case["n"], base, at)]
    texts = [canonical(text) for text in (case["entity"], case["op"], row_id, case["columns"], values)]
    return f"[{integers[0]},{texts[0]},{texts[1]},{texts[2]},{integers[1]},{integers[2]},{texts[3]},{texts[4]}]"


def content(text):
    return hashlib.sha256(text.encode()).digest()[:8]


def chains(texts):
    chain, after = bytes(32), []
    for text in texts:
        chain = hashlib.sha256(chain + content(text)).digest()
        after.append(chain.hex())
    return after


# ---- Hashes ----

def signed(number_of_64_bits):
    number_of_64_bits %= 2**64
    return number_of_64_bits - 2**64 if number_of_64_bits >= 2**63 else number_of_64_bits


def first_eight_bytes(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def row_hash(table, row_id, stamp):
    return first_eight_bytes(f"{table}:{row_id}:{stamp}")


def checksum(rows):
    return signed(sum(row_hash(*row) for row in rows))


def slice_of(row_id):
    return uuid.UUID(row_id).bytes[-1]


def slice_sums(rows):
    sums = {}
    for row in rows:
        part = slice_of(row[1])
        sums[str(part)] = signed(sums.get(str(part), 0) + row_hash(*row))
    return sums


def digest(cursors):
    return f"{sum(first_eight_bytes(f'{scope}:{version}') for scope, version in cursors.items()) % 2**64:016x}"


def key_text(table, keys):
    return ":".join([table, *("-" if key is None else key for key in keys)])


def derived_id(text):
    return str(uuid.uuid5(NAMESPACE, text))


# ---- Files ----

RULES = {
    "canonical.json": {"text": mutation_text, "content": lambda case: content(mutation_text(case)).hex()},
    "chains.json": {"chains": lambda case: chains(case["texts"])},
    "row_hashes.json": {
        "hashes": lambda case: [row_hash(*row) for row in case["rows"]],
        "checksum": lambda case: checksum(case["rows"]),
        "slices": lambda case: slice_sums(case["rows"]),
    },
    "digests.json": {"digest": lambda case: digest(case["cursors"])},
    "ids.json": {
        "text": lambda case: key_text(case["table"], case["keys"]),
        "id": lambda case: derived_id(key_text(case["table"], case["keys"])),
    },
}


def main(fill):
    checked, wrong = 0, []
    for name, rules in RULES.items():
        path = FOLDER / name
        file = json.loads(path.read_text(encoding="utf-8"))
        for case in file["cases"]:
            for field, rule in rules.items():
                expected = rule(case)
                if fill and field not in case:
                    case[field] = expected
                checked += 1
                if case.get(field) != expected:
                    wrong.append(f"{name}: {case['name']}: {field} is {case.get(field)!r}, expected {expected!r}")
        if fill:
            path.write_text(json.dumps(file, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(*wrong, sep="\n")
    print(f"{checked} values checked, {len(wrong)} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main("--fill" in sys.argv[1:]))
