"""An agent that plans its work and calls a service for each task before it completes it.

It stores its tasks with `rehearsal mcp`, so that it resumes where it was when it was killed.
"""
import json
import os
import subprocess
import urllib.request

PLAN = {"compile": [], "test": ["compile"], "ship": ["test"]}


class Tasks:
    """The task tools, over the standard streams of `rehearsal mcp`."""

    def __init__(self, folder):
        self.asked = 0
        self.server = subprocess.Popen(
            ["rehearsal", "mcp", "--dir", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "agent", "version": "1"}}
        self.ask("initialize", client)
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        print(json.dumps({"jsonrpc": "2.0", **message}), file=self.server.stdin, flush=True)

    def ask(self, method, params):
        self.asked += 1
        self.send({"id": self.asked, "method": method, "params": params})
        for line in self.server.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.asked:
                return answer["result"]
        raise SystemExit("the tools are gone")

    def call(self, tool, **arguments):
        result = self.ask("tools/call", {"name": f"orchestrator_{tool}", "arguments": arguments})
        if result.get("isError"):
            raise SystemExit(f"{tool}: {result['structuredContent']}")
        return result["structuredContent"]


def post(url, body, key):
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("Idempotency-Key", key)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


tasks = Tasks(os.environ["TASKS"])
planned = {task["task_id"] for task in tasks.call("query_tasks")["tasks"]}
for name, dependencies in PLAN.items():
    if name not in planned:
        tasks.call("plan_task", task_id=name, title=name, description=f"Build: {name}", dependencies=dependencies)
for name in PLAN:
    task = next(task for task in tasks.call("query_tasks")["tasks"] if task["task_id"] == name)
    if task["status"] == "completed":
        continue
    if task["status"] == "pending":
        tasks.call("execute_task", task_id=name)
    post(f"{os.environ['BUILDER']}/build", {"task": name}, key=name)
    tasks.call("complete_task", task_id=name, summary="Built", detailed_work="As planned", next_action="complete")
done = tasks.call("query_tasks", status="completed", include_artifacts=True)["tasks"]
report = {task["task_id"]: task["artifact_count"] for task in done}
post(f"{os.environ['REPORTS']}/send", {"artifacts": report}, key="report")
