"""Sends numbered JSON records until its input ends, with acks=all and idempotence (librdkafka), and prints a line for
each that was acknowledged: partition, offset, number, and whether it was poison. `!` lines are sends that failed: those
records are in doubt."""

import json
import sys
import threading
import time

from confluent_kafka import KafkaException, Producer

bootstrap, topic, partitions, rate, poison_every = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
BEAT_S = 0.05

ending = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
out = []


def make():
    return Producer({
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 10,
        "delivery.timeout.ms": 120000,
        "socket.connection.setup.timeout.ms": 2000,
        "reconnect.backoff.max.ms": 500,
        "log_level": 1,
        "topic.metadata.refresh.interval.ms": 5000,
    })


def delivered(number, is_poison):
    def tell(error, message):
        out.append(f"! {error}" if error else f"{message.partition()} {message.offset()} {number} {int(is_poison)}")
    return tell


producer = make()
number = 0
due = time.monotonic()
while not ending.is_set():
    for _ in range(max(1, round(rate * BEAT_S))):
        number += 1
        is_poison = poison_every > 0 and number % poison_every == 0
        text = json.dumps({"id": number, "text": f"text of record {number}"})
        value = text[:-3] if is_poison else text
        try:
            producer.produce(topic, value, partition=number % partitions, on_delivery=delivered(number, is_poison))
        except BufferError:
            producer.poll(0.5)  # a partition without a leader fills the queue: this record was not sent at all
        except KafkaException as error:
            out.append(f"! {error}")
            producer.flush(5)
            producer = make()  # a fatal error of the idempotent producer: a new one begins anew
    producer.poll(0)
    if out:
        print("\n".join(out), flush=True)
        out.clear()
    due = max(due + BEAT_S, time.monotonic() - 1)
    ending.wait(max(0, due - time.monotonic()))
producer.flush(60)
if out:
    print("\n".join(out), flush=True)
