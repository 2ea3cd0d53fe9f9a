@needs-messaging
Feature: Requests
  Every request gets a response: an envelope with the data or the error, and with the executions and
  the time it took.

  Background:
    Given a service "Reports"

  Rule: Every response is an envelope

    @integration-1
    Scenario: A request that succeeds on its first execution
      Given "Reports.build" takes 150 ms
      And "Reports.build" replies:
        """json
        { "pages": 12 }
        """
      When a request is sent to "Reports.build" with:
        """json
        { "month": "2024-12" }
        """
      Then the response is:
        """json
        {
          "id": "request-1",
          "status": "success",
          "data": { "pages": 12 },
          "metadata": { "executions": 1, "responseTime": "150ms", "timestamp": "2025-01-01T00:00:00.15Z" }
        }
        """
      And it takes 150 ms
      And the timeline has, in order:
        | at     | event            | call          | request   | timeout | input                | executions | took   | result |
        | 0 ms   | request_sent     | Reports.build | request-1 | 30 s    |                      |            |        |        |
        | 0 ms   | call_started     | Reports.build |           |         | {"month": "2024-12"} |            |        |        |
        | 150 ms | request_answered | Reports.build | request-1 |         |                      | 1          | 150 ms | ok     |

    @integration-1
    Scenario: The request id is the idempotency key of its call
      When a request is sent to "Reports.build"
      And a request is sent to "Reports.build"
      Then the response has:
        | path | value     |
        | /id  | request-2 |
      And the timeline has, in order:
        | event  | service | operation | key       |
        | effect | Reports | build     | request-1 |
        | effect | Reports | build     | request-2 |

    @integration-1
    Scenario Outline: The data <data> is delivered unchanged
      Given "Reports.build" replies:
        """json
        <data>
        """
      When a request is sent to "Reports.build"
      Then the response is:
        """json
        {
          "id": "request-1",
          "status": "success",
          "data": <data>,
          "metadata": { "executions": 1, "responseTime": "0s", "timestamp": "2025-01-01T00:00:00Z" }
        }
        """

      Examples:
        | data  |
        | false |
        | 0     |
        | ""    |
        | null  |
        | []    |
        | {}    |

  Rule: Transient failures are retried

    @integration-1
    Scenario: A handler that fails once succeeds on execution 2
      Given "Reports.build" fails 1 time with "TRANSIENT_ERROR"
      When a request is sent to "Reports.build"
      Then the response has:
        | path                   | value                |
        | /status                | success              |
        | /metadata/executions   | 2                    |
        | /metadata/responseTime | 2 s                  |
        | /metadata/timestamp    | 2025-01-01T00:00:02Z |
        | /error                 |                      |
      And "Reports.build" waits "2 s" between executions

    @integration-1
    Scenario: A permanent failure ends the request after one execution
      Given "Reports.build" takes 40 ms
      And "Reports.build" fails with "VALIDATION_FAILED"
      When a request is sent to "Reports.build"
      Then the response is:
        """json
        {
          "id": "request-1",
          "status": "error",
          "error": {
            "code": "VALIDATION_FAILED",
            "message": "scripted failure",
            "executions": 1,
            "responseTime": "40ms"
          },
          "metadata": { "executions": 1, "responseTime": "40ms", "timestamp": "2025-01-01T00:00:00.04Z" }
        }
        """
      And "Reports.build" is executed 1 time

    @integration-1
    Scenario: A failure that outlasts all retries is returned after four executions
      Given "Reports.build" fails with "CONNECTION_RESET"
      When a request is sent to "Reports.build"
      Then the response has:
        | path                   | value            |
        | /status                | error            |
        | /data                  |                  |
        | /error/code            | CONNECTION_RESET |
        | /error/executions      | 4                |
        | /error/responseTime    | 14 s             |
        | /metadata/executions   | 4                |
        | /metadata/responseTime | 14 s             |
      And it takes 14 s
      And "Reports.build" waits "2 s, 4 s, 8 s" between executions
      And the timeline has, in order:
        | at   | event            | request   | executions | result           |
        | 14 s | request_answered | request-1 | 4          | CONNECTION_RESET |

    @integration-1
    Scenario: Retry delays are capped at ten seconds
      Given "Reports.build" is retried up to 5 times
      And "Reports.build" fails with "CONNECTION_RESET"
      When a request is sent to "Reports.build"
      Then "Reports.build" waits "2 s, 4 s, 8 s, 10 s, 10 s" between executions
      And the response has:
        | path              | value |
        | /error/executions | 6     |

    @integration-1
    Scenario Outline: Zero retries mean one execution: <how>
      Given <how>
      And "Reports.build" fails with "TRANSIENT_ERROR"
      When a request is sent to "Reports.build"
      Then the response has:
        | path              | value           |
        | /error/code       | TRANSIENT_ERROR |
        | /error/executions | 1               |
      And it takes 0 s
      And "Reports.build" is executed 1 time

      Examples:
        | how                                      |
        | "Reports.build" is retried up to 0 times |
        | every call is retried up to 0 times      |
        | the retry policy "none"                  |

  Rule: Every execution has a timeout

    @integration-1 @resilience-9
    Scenario: A hang times out after 30 s and the next execution succeeds
      Given "Reports.build" answers:
        | execution | answer                 |
        | 1         | late 10 s              |
        | 2         | reply {"id": "second"} |
      When a request is sent to "Reports.build"
      Then the response is:
        """json
        {
          "id": "request-1",
          "status": "success",
          "data": { "id": "second" },
          "metadata": { "executions": 2, "responseTime": "32s", "timestamp": "2025-01-01T00:00:32Z" }
        }
        """
      And the calls are:
        | at   | call          | execution | took | result  |
        | 0 s  | Reports.build | 1         | 30 s | TIMEOUT |
        | 32 s | Reports.build | 2         | 0 s  | ok      |

    @integration-1 @resilience-9
    Scenario: A reply after the timeout is ignored, but its effect counts
      Given "Reports.build" is retried up to 0 times
      And "Reports.build" answers:
        | execution | answer   |
        | 1         | late 5 s |
      When a request is sent to "Reports.build"
      And 5 s pass
      Then the response has:
        | path                | value                |
        | /status             | error                |
        | /error/code         | TIMEOUT              |
        | /error/responseTime | 30 s                 |
        | /metadata/timestamp | 2025-01-01T00:00:30Z |
      And the timeline has, in order:
        | at   | event            | request   | key       | result  |
        | 30 s | request_answered | request-1 |           | TIMEOUT |
        | 35 s | effect           |           | request-1 |         |

    @integration-1
    Scenario: A handler that hangs takes four timeouts and three delays
      Given "Reports.build" hangs
      When a request is sent to "Reports.build"
      Then the response has:
        | path                | value   |
        | /error/code         | TIMEOUT |
        | /error/executions   | 4       |
        | /error/responseTime | 134 s   |
      And it takes 134 s

    @integration-1
    Scenario: A timeout of zero means no timeout
      Given "Reports.build" times out after 0 ms
      And "Reports.build" is retried up to 0 times
      When a request is sent to "Reports.build"
      Then the response has:
        | path                | value   |
        | /error/code         | TIMEOUT |
        | /error/executions   | 1       |
        | /error/responseTime | 0 s     |
      And the timeline has, in order:
        | event        | request   | timeout |
        | request_sent | request-1 | 0 s     |
      When 1 h passes
      Then nothing has an effect

  Rule: A request that cannot reach its service gets an error response

    @integration-1
    Scenario: A service that does not exist
      When a request is sent to "Report.build"
      Then the response has:
        | path                 | value                                                    |
        | /status              | error                                                    |
        | /error/code          | SERVICE_NOT_FOUND                                        |
        | /error/message       | service "Report" does not exist: did you mean "Reports"? |
        | /error/executions    | 0                                                        |
        | /metadata/executions | 0                                                        |

    @integration-1
    Scenario: An operation that does not exist
      Given a service "Ledger"
        """json
        { "operations": { "book": {} } }
        """
      When a request is sent to "Ledger.boook"
      Then the response has:
        | path           | value                                                         |
        | /error/code    | OPERATION_NOT_FOUND                                           |
        | /error/message | operation "Ledger.boook" does not exist: did you mean "book"? |

    @integration-1
    Scenario: A service that was removed
      When a request is sent to "Reports.build"
      And "Reports" is removed
      And a request is sent to "Reports.build"
      Then the response has:
        | path        | value             |
        | /id         | request-2         |
        | /error/code | SERVICE_NOT_FOUND |

    @integration-1 @integration-8
    Scenario: Refusals by an open breaker are not executions
      Given a circuit breaker on "Reports" opening after 2 failures for 60 s
      And "Reports" is down
      When a request is sent to "Reports.build"
      Then the response has:
        | path                | value               |
        | /error/code         | SERVICE_UNAVAILABLE |
        | /error/executions   | 2                   |
        | /error/responseTime | 14 s                |
      And "Reports.build" is executed 2 times
      When a request is sent to "Reports.build"
      Then the response has:
        | path              | value |
        | /error/executions | 0     |

    @integration-1 @integration-8
    Scenario: A breaker's fallback is returned as data and marked as a fallback
      Given a circuit breaker on "Reports":
        | field            | value           |
        | failureThreshold | 1               |
        | fallback         | {"pages": null} |
      And "Reports" is down
      When a request is sent to "Reports.build"
      Then the response has:
        | path                   | value   |
        | /status                | success |
        | /data/pages            |         |
        | /data/fallbackUsed     | true    |
        | /metadata/fallbackUsed | true    |
        | /metadata/executions   | 1       |

    @integration-1
    Scenario: A request lost in a partition succeeds after the partition heals
      Given "scenario" is cut off from "Reports" for 31 s
      When a request is sent to "Reports.build"
      Then the response has:
        | path                   | value   |
        | /status                | success |
        | /metadata/executions   | 2       |
        | /metadata/responseTime | 32 s    |
