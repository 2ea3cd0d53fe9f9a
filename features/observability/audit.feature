@control-8
Feature: Audit trail
  An audit trail says afterwards what was decided and why, and what services were asked and answered. It
  outlives the process, tells one run from another, and never holds a secret. It must not stop what it
  reports on: where it cannot be written, that is a warning.

  Background:
    Given a service "Stock"
    And a service "Payments"
    And "Payments.charge" takes 20 ms
    And the workflow:
      """json
      {
        "id": "order",
        "onFailure": "keep",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold" },
          { "id": "pay", "service": "Payments", "operation": "charge", "input": { "order": "o-1" } }
        ]
      }
      """

  @needs-sqlite
  Scenario: Every interaction of a run is an entry, its retries too
    Given an audit trail
    And "Payments.charge" fails 1 time with "NETWORK_TIMEOUT"
    And "Payments.charge" replies:
      """json
      { "receipt": "r-1" }
      """
    And every call is retried up to 1 time
    When the workflow runs
    Then the workflow completes
    And the audit trail has 3 entries of type "interaction"
    And the audit trail of "order-1" has, in order:
      | id | at                       | trace   | type        | target          | reason                | confidence |
      | 1  | 2025-01-01T00:00:00Z     | order-1 | interaction | Stock.hold      | step hold of order-1  |            |
      | 2  | 2025-01-01T00:00:00.02Z  | order-1 | interaction | Payments.charge | step pay of order-1   |            |
      | 3  | 2025-01-01T00:00:00.14Z  | order-1 | interaction | Payments.charge | step pay of order-1   |            |
    And the audit trail has, in order:
      | target          | /metadata/execution | /metadata/took | /metadata/result | /metadata/input  | /metadata/reply    |
      | Payments.charge | 1                   | 20 ms          | NETWORK_TIMEOUT  | {"order": "o-1"} |                    |
      | Payments.charge | 2                   | 20 ms          | ok               | {"order": "o-1"} | {"receipt": "r-1"} |

  @needs-sqlite
  Scenario: A refusal says who refused
    Given an audit trail
    And "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
    And a circuit breaker on "Payments" opening after 2 failures for 30 s
    And "Stock.hold" hangs 1 time
    And "Stock.hold" times out after 1 s
    When "Payments.charge" is called 3 times
    Then the call fails with "SERVICE_UNAVAILABLE"
    When "Stock.hold" is called
    Then the audit trail has 1 entry of type "refusal"
    And the audit trail of "scenario" has, in order:
      | type        | target          | reason                 | /metadata/by | /metadata/code      | /metadata/result    |
      | interaction | Payments.charge | called by scenario     |              |                     | SERVICE_UNAVAILABLE |
      | interaction | Payments.charge | called by scenario     |              |                     | SERVICE_UNAVAILABLE |
      | refusal     | Payments.charge | refused by the breaker | breaker      | SERVICE_UNAVAILABLE |                     |
      | interaction | Stock.hold      | called by scenario     |              |                     | TIMEOUT             |

  Scenario Outline: The history of each run is there after <file> is reopened
    Given the audit trail is kept in "<file>"
    When the workflow runs as "order-a"
    And the workflow runs as "order-b"
    And the audit trail is reopened
    And the workflow runs as "order-c"
    Then the audit trail of "order-a" has 2 entries
    And the audit trail of "order-b" has, in order:
      | id | at                      | target          | /metadata/run |
      | 3  | 2025-01-01T00:00:00.02Z | Stock.hold      | order-b       |
      | 4  | 2025-01-01T00:00:00.04Z | Payments.charge | order-b       |
    And the latest 3 entries of the audit trail are:
      | id | trace   | type        | target          |
      | 6  | order-c | interaction | Payments.charge |
      | 5  | order-c | interaction | Stock.hold      |
      | 4  | order-b | interaction | Payments.charge |
    And the audit trail has 6 entries of type "interaction"
    And the audit trail has 0 entries of type "planning"

    @needs-sqlite
    Examples: SQLite
      | file         |
      | audit.db     |
      | audit.sqlite |

    Examples: JSON lines
      | file        |
      | audit.jsonl |

  Scenario: A nested workflow is part of the run around it
    Given the audit trail is kept in "audit.jsonl"
    And the workflow:
      """json
      {
        "id": "sale",
        "steps": [
          {
            "id": "order",
            "workflow": { "id": "inner", "steps": [{ "id": "pay", "service": "Payments", "operation": "charge" }] }
          },
          { "id": "ship", "service": "Stock", "operation": "ship" }
        ]
      }
      """
    When the workflow runs
    Then the audit trail of "sale-1" has 2 entries
    And the audit trail of "sale-1" has, in order:
      | target          | /metadata/run | /metadata/step |
      | Payments.charge | sale-1/order  | pay            |
      | Stock.ship      | sale-1        | ship           |

  Scenario: Runs at the same time stay apart
    Given the audit trail is kept in "audit.jsonl"
    When the workflow runs 3 times at once
    Then the audit trail of "order-1" has 2 entries
    And the audit trail of "order-3" has 2 entries
    And the audit trail of "order-2" has, in order:
      | target          | /metadata/run |
      | Stock.hold      | order-2       |
      | Payments.charge | order-2       |

  Scenario: A call that a crash cut off is an entry as well
    Given the audit trail is kept in "audit.jsonl"
    And "Payments.charge" takes 5 s
    When the workflow starts
    And the orchestrator crashes
    And the orchestrator restarts
    Then the workflow completes
    And the audit trail of "order-1" has 3 entries
    And the audit trail of "order-1" has, in order:
      | target          | /metadata/result |
      | Stock.hold      | ok               |
      | Payments.charge | CANCELLED        |
      | Payments.charge | ok               |

  Scenario Outline: A workflow completes although its audit trail in <file> cannot be written
    Given the audit trail is kept in "<file>"
    When the workflow runs
    And the audit trail cannot be written
    And the workflow runs
    Then the workflow completes
    And the audit trail of "order-1" has 2 entries
    And the audit trail of "order-2" has 0 entries
    And the timeline has, in order:
      | event          | status    | run     | about       | message                             |
      | workflow_ended | completed | order-1 |             |                                     |
      | warning        |           |         | audit trail | the audit trail cannot be written   |
      | workflow_ended | completed | order-2 |             |                                     |
    When the audit trail is reopened
    Then the audit trail of "order-1" has 2 entries

    @needs-sqlite
    Examples: SQLite
      | file     |
      | audit.db |

    Examples: JSON lines
      | file        |
      | audit.jsonl |

  Scenario: A trail that cannot be written is warned of once
    Given the audit trail is kept in "audit.jsonl"
    And the audit trail cannot be written
    When the workflow runs
    Then the workflow completes
    And the timeline matches the snapshot

  @control-9
  Scenario Outline: Secrets never reach the audit trail in <file>
    Given the audit trail is kept in "<file>"
    And "Payments.charge" replies:
      """json
      { "sessions": [{ "accessToken": "t-1234", "expiresIn": "1 h" }], "maxTokens": 5 }
      """
    When "Payments.charge" is called with:
      """json
      { "user": "ada", "card": { "credentials": { "pin": 1 } }, "keys": [{ "apiKey": "k-5678" }] }
      """
    Then no secret is visible
    And the audit trail has, in order:
      | /metadata/input                                                                          |
      | {"user": "ada", "card": {"credentials": "[redacted]"}, "keys": [{"apiKey": "[redacted]"}]} |
    And the audit trail has, in order:
      | /metadata/reply                                                                        |
      | {"sessions": [{"accessToken": "[redacted]", "expiresIn": "1 h"}], "maxTokens": 5} |

    @needs-sqlite
    Examples: SQLite
      | file     |
      | audit.db |

    Examples: JSON lines
      | file        |
      | audit.jsonl |

  Scenario: An audit trail as JSON lines is one object a line
    Given the audit trail is kept in "audit.jsonl"
    When "Stock.hold" is called with:
      """json
      { "sku": "a" }
      """
    Then the file "audit.jsonl" contains:
      """json
      {
        "id": 1, "at": "2025-01-01T00:00:00Z", "trace": "scenario", "type": "interaction", "target": "Stock.hold",
        "reason": "called by scenario",
        "metadata": {
          "caller": "scenario", "execution": 1, "took": "0 ms", "result": "ok", "input": { "sku": "a" }, "reply": {}
        }
      }
      """

  @wall-clock @needs-http @needs-curl
  Scenario: A call over HTTP belongs to the trace of its caller
    Given the audit trail is kept in "audit.jsonl"
    And the services are served over HTTP
    And the system "client"
      """json
      {
        "command": [
          "curl", "-sS", "-XPOST", "-d", "{}",
          "-H", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "${/services/Stock}/hold"
        ],
        "once": true, "within": "60s"
      }
      """
    When the system "client" starts
    And the audit trail is reopened
    Then the audit trail of "0af7651916cd43dd8448eb211c80319c" has, in order:
      | type        | target     | reason           |
      | interaction | Stock.hold | called by client |
