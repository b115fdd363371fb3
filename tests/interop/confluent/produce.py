"""Writes records with Confluent's own serializers, and prints the rows that a table must hold of them.

Arguments: format (avro, json-schema, protobuf), bootstrap, registry URL, topic, how many, where the schema id goes
(prefix, header). Beside the good records go some that nobody can read; their values are printed too, in hex.

Rows are printed as tests/support/tables.ts prints them: integers and decimals as text, times in ISO 8601, bytes as hex,
maps as sorted [key, value] pairs.
"""
import datetime, decimal, json, os, sys, tempfile, uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import (
    Schema, SchemaReference, SchemaRegistryClient, header_schema_id_serializer, prefix_schema_id_serializer)
from confluent_kafka.serialization import MessageField, SerializationContext

FORMAT, BOOTSTRAP, REGISTRY, TOPIC, COUNT, PLACE = sys.argv[1:7]
HERE = os.path.dirname(os.path.abspath(__file__))
UTC = datetime.timezone.utc
START = datetime.datetime(2026, 1, 1, tzinfo=UTC)
client = SchemaRegistryClient({"url": REGISTRY})
conf = {"schema.id.serializer": header_schema_id_serializer if PLACE == "header" else prefix_schema_id_serializer}


def text(name):
    with open(os.path.join(HERE, name)) as file:
        return file.read()


def pairs(counts, value=str):
    return sorted([key, value(of)] for key, of in counts.items())


def order(i):
    """The values of one order, the same in all formats; None where it is not there."""
    return {
        "id": (1 << 53) + 1 + i,
        "name": f"order {i} äß🐟",
        "amount": decimal.Decimal(i * 37 - 500).scaleb(-2),
        "day": (START + datetime.timedelta(days=i)).date(),
        "at": START + datetime.timedelta(milliseconds=1234567 * i),
        "status": ["OPEN", "PAID", "SHIPPED"][i % 3],
        "ratio": i / 7,
        "paid": i % 2 == 0,
        "raw": bytes([i % 256, 0, 255]),
        "street": f"street {i}",
        "lat": 50.5 + i,
        "tags": [f"t{k}" for k in range(i % 4)],
        "counts": {f"k{k}": (1 << 40) + k for k in range(i % 3)},
        "card": f"card {i}" if i % 3 == 1 else None,
        "transfer": i if i % 3 == 2 else None,
        "customer": {"id": i, "emails": [f"{k}@{i}" for k in range(i % 3)]},
        "note": f"note {i}" if i % 5 == 0 else None,
        "uid": uuid.UUID(int=i),
    }


def iso(at):
    return at.isoformat()


class Avro:
    def __init__(self):
        from confluent_kafka.schema_registry.avro import AvroSerializer
        subject = f"customer-{TOPIC}"
        client.register_schema(subject, Schema(text("customer.avsc"), "AVRO"))
        references = [SchemaReference("shop.common.Customer", subject, 1)]
        self.write = AvroSerializer(client, Schema(text("order.avsc"), "AVRO", references), conf=conf)
        self.write_key = AvroSerializer(client, '"long"', conf=conf)

    def key(self, i, headers):
        return self.write_key(i, SerializationContext(TOPIC, MessageField.KEY, headers))

    def value(self, o):
        given = {k: o[k] for k in ("id", "name", "amount", "day", "at", "status", "ratio", "paid", "raw", "tags", "counts",
                                   "customer", "note")}
        choice = o["card"] if o["card"] is not None else o["transfer"]
        return {**given, "choice": choice, "uid": str(o["uid"]),
                "address": {"street": o["street"], "geo": {"lat": o["lat"], "lon": -o["lat"]}}}

    def row(self, o):
        none = o["card"] is None and o["transfer"] is None
        transfer = None if o["transfer"] is None else str(o["transfer"])
        return {**common(o), "choice": None if none else {"int": transfer, "string": o["card"]}, "day": o["day"].isoformat(),
                "uid": str(o["uid"]), "amount": str(o["amount"]), "raw": o["raw"].hex()}


class JsonSchema:
    def __init__(self):
        from confluent_kafka.schema_registry.json_schema import JSONSerializer
        subject = f"customer-{TOPIC}"
        client.register_schema(subject, Schema(text("customer.json"), "JSON"))
        references = [SchemaReference("customer.json", subject, 1)]
        self.write = JSONSerializer(Schema(text("order.json"), "JSON", references), client, conf=conf)

    def value(self, o):
        value = {k: o[k] for k in ("id", "name", "status", "ratio", "paid", "tags", "counts", "customer", "note")}
        value |= {"day": o["day"].isoformat(), "at": iso(o["at"]), "amount": float(o["amount"])}
        value["address"] = {"street": o["street"], "geo": {"lat": o["lat"], "lon": -o["lat"]}}
        if o["transfer"] is not None:
            value["transfer"] = o["transfer"]
        return value

    def row(self, o):
        transfer = None if o["transfer"] is None else str(o["transfer"])
        return {**common(o), "transfer": transfer, "day": o["day"].isoformat(), "amount": float(o["amount"])}


class Protobuf:
    def __init__(self):
        from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
        self.messages = compiled()
        self.write = ProtobufSerializer(self.messages["shop.Envelope.Order"], client, conf=conf)

    def value(self, o):
        order = self.messages["shop.Envelope.Order"](
            id=o["id"], name=o["name"], big=(1 << 64) - 1 - o["transfer"] if o["transfer"] is not None else 0,
            status=["OPEN", "PAID", "SHIPPED"].index(o["status"]), ratio=o["ratio"], paid=o["paid"], raw=o["raw"],
            tags=o["tags"], counts=o["counts"], customer=o["customer"],
            address={"street": o["street"], "geo": {"lat": o["lat"], "lon": -o["lat"]}})
        order.at.FromDatetime(o["at"])
        unscaled = int(o["amount"].scaleb(2))
        order.amount.value = unscaled.to_bytes(4, "big", signed=True)
        order.amount.precision, order.amount.scale = 10, 2
        if o["card"] is not None: order.card = o["card"]
        if o["transfer"] is not None: order.transfer.account = o["transfer"]
        if o["note"] is not None: order.note.value = o["note"]
        if o["paid"]: order.rank = 0
        return order

    def row(self, o):
        big = (1 << 64) - 1 - o["transfer"] if o["transfer"] is not None else 0
        return {**common(o), "big": str(big), "raw": o["raw"].hex(), "amount": str(o["amount"]), "card": o["card"],
                "transfer": None if o["transfer"] is None else {"account": str(o["transfer"])},
                "rank": "0" if o["paid"] else None}


def common(o):
    return {"id": str(o["id"]), "name": o["name"], "at": iso(o["at"]), "status": o["status"], "ratio": o["ratio"],
            "paid": o["paid"], "tags": o["tags"], "counts": pairs(o["counts"]), "note": o["note"],
            "address": {"street": o["street"], "geo": {"lat": o["lat"], "lon": -o["lat"]}},
            "customer": {"id": str(o["customer"]["id"]), "emails": o["customer"]["emails"]}}


def compiled():
    """The messages of order.proto; what it imports of Confluent comes from their package."""
    from confluent_kafka.schema_registry.confluent import meta_pb2
    from confluent_kafka.schema_registry.confluent.type import decimal_pb2
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf import timestamp_pb2, wrappers_pb2
    from grpc_tools import protoc
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, timestamp_pb2, wrappers_pb2, meta_pb2, decimal_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "known.pb"), os.path.join(folder, "made.pb")
        with open(given, "wb") as file: file.write(known.SerializeToString())
        arguments = ["protoc", f"--descriptor_set_in={given}", f"--proto_path={HERE}", f"--descriptor_set_out={made}",
                     "order.proto", "customer.proto"]
        if protoc.main(arguments) != 0: raise SystemExit("protoc refuses order.proto")
        with open(made, "rb") as file: files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.Default()
    for name in ("customer.proto", "order.proto"): pool.Add(next(file for file in files.file if file.name == name))
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in ("shop.Envelope.Order",)}


def main():
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    using = {"avro": Avro, "json-schema": JsonSchema, "protobuf": Protobuf}[FORMAT]()
    rows = []
    for i in range(int(COUNT)):
        o = order(i)
        headers = {}
        context = SerializationContext(TOPIC, MessageField.VALUE, headers)
        value = using.write(using.value(o), context)
        key = using.key(i, headers) if FORMAT == "avro" else str(i)
        producer.produce(TOPIC, key=key, value=value, headers=list(headers.items()))
        rows.append(using.row(o))
        producer.poll(0)
    # Cut off within the first field that has a length; nobody's schema; no frame; nothing.
    poison = [value[:-4] if FORMAT == "json-schema" else value[:16] if PLACE == "prefix" else value[:9],
              bytes([0, 0, 15, 66, 63]) + value[5:], b"not framed", b""]
    for bad in poison:
        producer.produce(TOPIC, value=bad, headers=list(headers.items()) if bad is poison[0] else [])
    producer.flush()
    print(json.dumps({"rows": rows, "poison": [bad.hex() for bad in poison]}))


main()
