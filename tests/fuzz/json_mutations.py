"""Mutations of JSON as a tree: what bytes flipped at random hardly ever hit.

Keys repeated, renamed, dropped and in another order; numbers of thirty digits, with exponents,
signs and zeros; text that is no UTF-8, half a surrogate pair, NUL bytes; nesting without end and
lists without end. A tree is bytes (a token as written), a list, or an :class:`Object`.
"""

from __future__ import annotations

import json
import random


class Object(list):
    """A JSON object as its list of [key, value]."""


#: Values for any place.
ODD = [
    b"", b"null", b"true", b"[]", b"{}", b'""', b"0", b"-0", b"-1", b"1.0", b"0.0", b"1e3", b"0e0",
    b"1E400", b"01", b"+1", b"9" * 30, b"9223372036854775807", b"9223372036854775808", b"NaN",
    b"Infinity", b"-Infinity", b"tru", b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"a\x00b"', b'"\\u0000"', b'"caf\xc3\xa9"', b'"x',
    b"x", b"'x'", b"/**/1", b'[["1","1"]]', b'{"list":[]}', b'{"a":1,"a":2}', b'"\\"', b'"\\q"',
]  # fmt: skip
#: Numbers as quoted text.
QUOTED = [
    b"0", b"1", b"1e3", b"1E-2", b"9" * 30, b"0." + b"0" * 30 + b"1", b"1" + b"0" * 30, b"-1",
    b"+1", b" 1", b"1 ", b"1.", b".5", b".", b"", b"00065000.10", b"\xd9\xa1", b"1_0", b"0x10",
    b"Infinity", b"65000.15", b"9007199254740992", b"9007199254740993", b"1\\u0030", b"1\x00",
    b"1,0", b"900719925474099.2", b"900719925474099.3", b"0.0", b"1e", b"1.2.3", b"64999.90000",
]  # fmt: skip
DEPTHS = (3, 31, 32, 33, 64, 3000)


def parse(text: bytes) -> object:
    """A tree from well-formed JSON."""

    def tree(value: object) -> object:
        if isinstance(value, Object):
            return Object([json.dumps(key).encode(), tree(child)] for key, child in value)
        if isinstance(value, list):
            return [tree(child) for child in value]
        return json.dumps(value).encode()

    return tree(json.loads(text, object_pairs_hook=Object))


class TreeMutator:
    """Mutated texts of some seeds."""

    def __init__(self, rng: random.Random, seeds: tuple[bytes, ...]) -> None:
        self._random = rng
        self._seeds = [parse(seed) for seed in seeds]
        #: Every key and token of the seeds, to be put where it does not belong.
        self._keys: list[bytes] = []
        self._leaves: list[bytes] = []
        for seed in self._seeds:
            self._collect(seed)

    def _collect(self, tree: object) -> None:
        if isinstance(tree, bytes):
            self._leaves.append(tree)
        elif isinstance(tree, Object):
            for key, child in tree:
                self._keys.append(key)
                self._collect(child)
        else:
            for child in tree:
                self._collect(child)

    def next(self) -> bytes:
        """One mutated text."""
        tree = self._random.choice(self._seeds)
        for _ in range(self._random.choice((0, 1, 1, 1, 1, 2, 3))):
            tree = self._mutate(tree)
        parts: list[bytes] = []
        style = self._random.choice((0, 0, 0, 0, 1, 2))
        self._write(tree, parts, style)
        return b"".join(parts)

    def _mutate(self, tree: object) -> object:
        """A copy with one change, in a place found by a walk from the root."""
        if not isinstance(tree, list) or not tree or self._random.random() < 0.2:
            return self._change(tree)
        copy = type(tree)(tree)
        at = self._random.randrange(len(copy))
        if isinstance(tree, Object):
            key, child = copy[at]
            copy[at] = [key, self._mutate(child)]
        else:
            copy[at] = self._mutate(copy[at])
        return copy

    def _change(self, tree: object) -> object:
        if self._random.random() < 0.15:
            return self._odd(tree)
        if isinstance(tree, Object):
            return self._change_object(Object(tree))
        if isinstance(tree, list):
            return self._change_list(list(tree))
        return self._change_leaf(tree)

    def _odd(self, tree: object) -> object:
        kind = self._random.randrange(8)
        if kind == 0:
            depth = self._random.choice(DEPTHS)
            return b"[" * depth + b"]" * depth
        if kind == 1:
            depth = self._random.choice(DEPTHS)
            return b'{"x":' * depth + b"1" + b"}" * depth
        if kind == 2:
            return [tree]
        if kind == 3:
            return Object([[self._random.choice(self._keys), tree]])
        return self._random.choice(ODD)

    def _change_object(self, tree: Object) -> Object:
        choice, at = self._random.choice, self._random.randrange(len(tree) + 1)
        kind = self._random.randrange(7)
        if kind == 0:
            del tree[at : at + 1]
        elif kind == 1:
            # Said twice: the same, or something else the second time.
            for key, child in tree[at : at + 1]:
                again = child if self._random.random() < 0.3 else self._change(child)
                tree.insert(self._random.randint(0, len(tree)), [key, again])
        elif kind == 2:
            self._random.shuffle(tree)
        elif kind == 3 and at < len(tree):
            tree[at] = [choice(self._keys), tree[at][1]]
        elif kind == 4 and at < len(tree):
            tree[at] = [self._respell(tree[at][0]), tree[at][1]]
        elif kind == 5:
            tree.insert(at, [b'"new"', choice(ODD)])
        else:
            tree.insert(at, [choice(self._keys), choice(self._leaves)])
        return tree

    def _respell(self, key: bytes) -> bytes:
        """The same key in other letters, or almost the same key."""
        kind = self._random.randrange(5)
        if kind < 2 and len(key) > 2:
            at = self._random.randrange(1, len(key) - 1)
            return key[:at] + b"\\u%04x" % key[at] + key[at + 1 :]
        if kind == 2:
            return key.upper()
        if kind == 3:
            return key[:-1] + self._random.choice((b" ", b"\x00", b"\xff", b"\\u0000")) + b'"'
        return key.strip(b'"')

    def _change_list(self, tree: list) -> list:
        at = self._random.randrange(len(tree) + 1)
        kind = self._random.randrange(6)
        if kind == 0:
            del tree[at : at + 1]
        elif kind == 1:
            tree[at:at] = tree[at : at + 1] * self._random.choice((1, 1, 2, 20, 300, 300))
        elif kind == 2:
            self._random.shuffle(tree)
        elif kind == 3:
            tree.insert(at, self._random.choice(ODD))
        elif kind == 4:
            tree.clear()
        else:
            tree.insert(at, self._random.choice(self._leaves))
        return tree

    def _change_leaf(self, token: bytes) -> bytes:
        kind = self._random.randrange(4)
        if kind == 0:
            return self._random.choice(self._leaves)
        if kind == 1 or not token.strip(b'"-').isdigit():
            return b'"%b"' % self._random.choice(QUOTED)
        if kind == 2:
            return token.strip(b'"') if token.startswith(b'"') else b'"%b"' % token
        quote = b'"' if token.startswith(b'"') else b""
        near = int(token.strip(b'"')) + self._random.choice((-1, 1, 2, 10**9, -(10**9)))
        return b"%b%d%b" % (quote, near, quote)

    def _space(self, style: int) -> bytes:
        if style == 0:
            return b""
        return b" " if style == 1 else self._random.choice((b"", b"", b" ", b"\n", b"\t \r\n"))

    def _write(self, tree: object, parts: list[bytes], style: int) -> None:
        if isinstance(tree, bytes):
            parts.append(tree)
            return
        is_object = isinstance(tree, Object)
        parts.append(b"{" if is_object else b"[")
        for at, child in enumerate(tree):
            if at:
                parts.append(b"," + self._space(style))
            if is_object:
                parts.append(child[0] + b":" + self._space(style))
                self._write(child[1], parts, style)
            else:
                self._write(child, parts, style)
        parts.append(b"}" if is_object else b"]")
