"""A node of ZetaSQL's parse tree or resolved tree, read from its protobuf, and edits of the text by its byte ranges."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bigquery.double.protos import Proto


class Node:
    """The concrete kind of a node, its byte range in the text, and the fields of itself and its base classes.

    A field that is not set, or that this kind does not have, is None.
    """

    kind: str
    start: int
    end: int

    def __init__(self, message: Proto) -> None:
        """Read a message; the concrete node may lie several wrappers down."""
        while (one := message.DESCRIPTOR.oneofs_by_name.get("node")) and message.WhichOneof(one.name):
            message = getattr(message, message.WhichOneof(one.name))
        self.kind = message.DESCRIPTOR.name.removeprefix("AST").removesuffix("Proto")
        self._fields: dict[str, tuple[Proto, Proto]] = {}
        self._children: list[Node] | None = None
        while True:
            for field, value in message.ListFields():
                if field.name == "parse_location_range":
                    self.start, self.end = value.start, value.end
                elif field.name != "parent":
                    self._fields.setdefault(field.name, (field, value))
            if "parent" not in message.DESCRIPTOR.fields_by_name:
                break
            message = message.parent

    def __getattr__(self, name: str) -> Proto:
        """A field: a node, a list of nodes or a plain value."""
        if name.startswith("__") or name not in self._fields:
            return None
        field, value = self._fields[name]
        if field.message_type:
            value = [Node(v) for v in value] if field.is_repeated else Node(value)
        elif field.enum_type:
            value = field.enum_type.values_by_number[value].name
        setattr(self, name, value)
        return value

    def children(self) -> list[Node]:
        """The nodes directly below."""
        if self._children is None:
            values = [getattr(self, name) for name in self.child_names()]
            self._children = [node for value in values for node in (value if isinstance(value, list) else [value])]
        return self._children

    def child_names(self) -> list[str]:
        """The fields that hold nodes; a type or a function's signature is none."""
        return [name for name, (field, _) in self._fields.items() if _is_node(field)]

    def walk(self) -> Iterator[Node]:
        """This node and every node below it, as they stand in the text."""
        ahead = [self]
        while ahead:
            node = ahead.pop()
            yield node
            ahead += reversed(node.children())

    def raw(self, name: str) -> Proto:
        """A field as its protobuf."""
        return self._fields[name][1]

    @property
    def parts(self) -> tuple[str, ...]:
        """A path expression's names."""
        return tuple(n.id_string for n in self.names)


def _is_node(field: Proto) -> bool:
    return bool(field.message_type) and field.message_type.name.startswith(("AnyAST", "AST", "AnyResolved", "Resolved"))


Edit = tuple[int, int, str]  # bytes from, to, the new text


def apply(source: bytes, edits: list[Edit], start: int, end: int) -> str:
    """The text from `start` to `end` with the edits inside it; an edit within another's range is dropped."""
    out, at = [], start
    for first, last, new in sorted(edits, key=lambda e: (e[0], -e[1])):
        if first >= at and last <= end:
            out += [source[at:first].decode(), new]
            at = last
    return "".join([*out, source[at:end].decode()])
