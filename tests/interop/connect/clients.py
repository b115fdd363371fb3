"""Drives a worker over REST by two clients of Kafka Connect: kafka-connect-py and kafka-connect-api.

Arguments: the worker's address, user and password, a connector's configuration as JSON. Prints what the clients saw, as JSON.
"""

import json
import sys
import time

import requests
from kafka_connect import KafkaConnect
from kafka_connect_api.kafka_connect_api import Api, Cluster

url, user, password, given = sys.argv[1:5]
config = json.loads(given)
name = config.pop("name")
client = KafkaConnect(url, f"{user}:{password}")
cluster = Cluster(Api(url=url, username=user, password=password))
seen = {}


def until(what, holds):
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: {client.get_connector_status(name)}")
        time.sleep(0.1)


def in_state(state, tasks=None):
    def holds():
        status = client.get_connector_status(name)
        states = [task["state"] for task in status["tasks"]]
        wanted = len(states) > 0 and all(each == state for each in states) if tasks is None else len(states) == tasks
        return status["connector"]["state"] == state and wanted

    until(state, holds)


# Who they are, and what there is.
seen["version"] = client.get_cluster_info()["version"]
seen["cluster"] = cluster.kafka_cluster
seen["plugins"] = [plugin["class"] for plugin in client.list_connector_plugins()]
try:
    KafkaConnect(url, f"{user}:wrong").list_connectors()
except requests.HTTPError as error:
    seen["wrong_password"] = error.response.status_code

# Validate: what is right, and what is not.
seen["errors"] = client.validate_connector_config(config["connector.class"], {"name": name, **config})["error_count"]
wrong = client.validate_connector_config(config["connector.class"], {"name": name, **config, "tasks.max": "x"})
seen["wrong"] = [each["value"]["name"] for each in wrong["configs"] if each["value"]["errors"]]

# Create, look at.
seen["created"] = client.create_connector({"name": name, "config": config})["name"]
in_state("RUNNING")
seen["listed"] = client.list_connectors()
seen["expanded"] = client.list_connectors(expand="status", state="RUNNING")[name]["status"]["connector"]["state"]
connector = cluster.connectors[name]
seen["exists"] = [connector.exists(), connector.connector_class]
seen["config"] = client.get_connector_config(name)
seen["topics"] = list(client.list_connector_topics(name))
seen["tasks"] = len(client.list_connector_tasks(name))
seen["task_states"] = [task.state for task in connector.tasks]

# Pause, resume, restart all and one task.
connector.pause()
in_state("PAUSED")
connector.resume()
in_state("RUNNING")
client.restart_connector(name, include_tasks=True)
in_state("RUNNING")
client.restart_connector_task(name, 0)
in_state("RUNNING")
connector.cycle_connector()
in_state("RUNNING")

# Change it.
updated = client.update_connector(name, {**config, "commit.interval.ms": "500"})
seen["updated"] = updated["config"]["commit.interval.ms"]
in_state("RUNNING")

# Levels of the log.
cluster.set_logger_log_level(f"connector.{name}", "DEBUG")
seen["levels"] = [cluster.loggers[f"connector.{name}"]["level"], cluster.root_logger["level"]]

# Offsets: the clients know of none, so plain requests stand beside them.
plain = requests.Session()
plain.auth = (user, password)
offsets = f"{url}/connectors/{name}/offsets"
topic = config["topics"]


def offset():
    found = plain.get(offsets).json()["offsets"]
    return {each["partition"]["kafka_partition"]: each["offset"]["kafka_offset"] for each in found}


until("all is committed", lambda: offset().get(0) == 5)
change = {"offsets": [{"partition": {"kafka_topic": topic, "kafka_partition": 0}, "offset": {"kafka_offset": 2}}]}
seen["altered_running"] = plain.patch(offsets, json=change).status_code
client.stop_connector(name)
in_state("STOPPED", 0)
altered = plain.patch(offsets, json=change)
seen["altered"] = [altered.status_code, altered.json()["message"]]
seen["offset"] = offset()
client.resume_connector(name)
in_state("RUNNING")
if len(sys.argv) > 5:
    until("it is read again", lambda: offset().get(0) == 5)
client.stop_connector(name)
in_state("STOPPED", 0)
seen["reset"] = plain.delete(offsets).status_code

client.delete_connector(name)
until("it is gone", lambda: name not in cluster.connectors)
seen["left"] = client.list_connectors()
print(json.dumps(seen))
