"""Protocol Buffers' own idea of a record: classes of `aialgs.data` made at run time, and frames."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MAGIC = b"\x0a\x23\xd7\xce"
FieldProto = descriptor_pb2.FieldDescriptorProto
TENSORS = {"Float32Tensor": "FLOAT", "Float64Tensor": "DOUBLE", "Int32Tensor": "INT32"}


def _schema() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="aialgs.data.proto", package="aialgs.data", syntax="proto2"
    )
    for name, kind in TENSORS.items():
        tensor = file.message_type.add(name=name)
        for number, (field, of) in enumerate(
            {"values": kind, "keys": "UINT64", "shape": "UINT64"}.items(), 1
        ):
            _field(tensor, field, number, of, repeated=True).options.packed = True
    blob = file.message_type.add(name="Bytes")
    _field(blob, "value", 1, "BYTES", repeated=True)
    _field(blob, "content_type", 2, "STRING")
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for field, number, of in (
        ("float32_tensor", 2, "Float32Tensor"),
        ("float64_tensor", 3, "Float64Tensor"),
        ("int32_tensor", 7, "Int32Tensor"),
        ("bytes", 9, "Bytes"),
    ):
        _field(value, field, number, of).oneof_index = 0
    record = file.message_type.add(name="Record")
    for field, number in (("features", 1), ("label", 2)):
        entry = record.nested_type.add(name=f"{field.capitalize()}Entry")
        entry.options.map_entry = True
        _field(entry, "key", 1, "STRING")
        _field(entry, "value", 2, "Value")
        _field(record, field, number, f"Record.{entry.name}", repeated=True)
    for field, number in (("uid", 3), ("metadata", 4), ("configuration", 5)):
        _field(record, field, number, "STRING")
    return file


def _field(message: Any, name: str, number: int, of: str, *, repeated: bool = False) -> Any:
    label = FieldProto.LABEL_REPEATED if repeated else FieldProto.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if hasattr(FieldProto, f"TYPE_{of}"):
        field.type = getattr(FieldProto, f"TYPE_{of}")
    else:
        field.type, field.type_name = FieldProto.TYPE_MESSAGE, f".aialgs.data.{of}"
    return field


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_schema())
Record: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("aialgs.data.Record"))


def serialized(record: Any) -> bytes:
    """The message as the deterministic serialization has it."""
    content: bytes = record.SerializeToString(deterministic=True)
    return content


def frame(payload: bytes, kind: int = 0) -> bytes:
    head = (kind << 29 | len(payload)).to_bytes(4, "little")
    return MAGIC + head + payload + bytes(-len(payload) % 4)
