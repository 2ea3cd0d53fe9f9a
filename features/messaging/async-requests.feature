@needs-messaging
Feature: Asynchronous requests
  Some work takes too long to wait for. Its request is accepted immediately and processed in the
  background; the sender polls its status or gets callbacks.

  Background:
    Given a service "Reports"
    And a service "Inbox"
    And "Reports.build" takes 20 s

  Rule: A request is accepted immediately, with a status URL

    @integration-2
    Scenario: A submitted request gets a receipt
      Given "Inbox.notify" receives the callbacks
      When a request to "Reports.build" is submitted with:
        """json
        { "month": "2024-12" }
        """
      Then the request is accepted with:
        """json
        {
          "requestId": "request-1",
          "status": "accepted",
          "estimatedCompletionTime": "2025-01-01T00:00:20Z",
          "statusUrl": "/api/v1/requests/request-1/status",
          "callbackUrl": "Inbox.notify"
        }
        """
      And it takes 0 s
      And the timeline has, in order:
        | at  | event                  | request   | call          | status     | input                |
        | 0 s | request_accepted       | request-1 | Reports.build | pending    |                      |
        | 0 s | request_status_changed | request-1 |               | processing |                      |
        | 0 s | call_started           |           | Reports.build |            | {"month": "2024-12"} |

    @integration-2
    Scenario: The status can be read during processing and after completion
      Given "Reports.build" replies:
        """json
        { "pages": 12 }
        """
      When a request to "Reports.build" is submitted
      Then the request is processing
      And the request "/api/v1/requests/request-1/status" is processing
      And the request has:
        | path        | value                |
        | /requestId  | request-1            |
        | /status     | processing           |
        | /call       | Reports.build        |
        | /acceptedAt | 2025-01-01T00:00:00Z |
        | /startedAt  | 2025-01-01T00:00:00Z |
        | /endedAt    |                      |
        | /result     |                      |
      When the request ends
      Then it takes 20 s
      And the request is completed
      And the request has:
        | path     | value                |
        | /status  | completed            |
        | /endedAt | 2025-01-01T00:00:20Z |
        | /result  | {"pages": 12}        |
        | /error   |                      |

    @integration-2
    Scenario: Without a callback target there are no callbacks
      When a request to "Reports.build" is submitted
      Then the request is accepted with:
        """json
        {
          "requestId": "request-1",
          "status": "accepted",
          "estimatedCompletionTime": "2025-01-01T00:00:20Z",
          "statusUrl": "/api/v1/requests/request-1/status"
        }
        """
      When the request ends
      Then the calls are:
        | call          | result |
        | Reports.build | ok     |

    @integration-2
    Scenario: A request waits for its turn
      Given requests are processed 1 at a time
      When a request to "Reports.build" is submitted
      And a request to "Reports.build" is submitted
      Then the request "request-1" is processing
      And the request "request-2" is pending
      And the request "request-2" has:
        | path        | value                |
        | /acceptedAt | 2025-01-01T00:00:00Z |
        | /startedAt  |                      |
      When the request ends
      Then it takes 40 s
      And the request "request-2" has:
        | path       | value                |
        | /startedAt | 2025-01-01T00:00:20Z |
        | /endedAt   | 2025-01-01T00:00:40Z |

    @integration-2
    Scenario: A transient failure is retried as for any request
      Given "Reports.build" takes 0 s
      And "Reports.build" fails 2 times with "TRANSIENT_ERROR"
      When a request to "Reports.build" is submitted
      And 5999 ms pass
      Then the request is processing
      When 1 ms passes
      Then the request is completed
      And "Reports.build" waits "2 s, 4 s" between executions

  Rule: Every status change is sent to the callback target, in order

    @integration-2
    Scenario: The callbacks of a request that completes
      Given "Inbox.notify" receives the callbacks
      And "Reports.build" replies:
        """json
        { "pages": 12 }
        """
      When a request to "Reports.build" is submitted
      And the request ends
      Then the timeline has, in order:
        | at   | event                  | caller  | call         | status     | input                                                                                                           |
        | 0 s  | request_status_changed |         |              | processing |                                                                                                                 |
        | 0 s  | call_started           | Reports | Inbox.notify |            | {"requestId": "request-1", "status": "processing", "timestamp": "2025-01-01T00:00:00Z"}                         |
        | 20 s | request_status_changed |         |              | completed  |                                                                                                                 |
        | 20 s | call_started           | Reports | Inbox.notify |            | {"requestId": "request-1", "status": "completed", "timestamp": "2025-01-01T00:00:20Z", "result": {"pages": 12}} |
      And "Inbox.notify" is executed 2 times

    @integration-2
    Scenario: The callback of a failed request contains the error
      Given "Inbox.notify" receives the callbacks
      And "Reports.build" fails with "PERMANENT_ERROR"
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is failed
      And the request has:
        | path                | value                 |
        | /result             |                       |
        | /error/code         | PERMANENT_ERROR       |
        | /error/message      | scripted failure |
        | /error/executions   | 1                     |
        | /error/responseTime | 20 s                  |
      And the timeline has, in order:
        | at   | event        | call         | input                                                                                                                                                                                                 |
        | 0 s  | call_started | Inbox.notify | {"requestId": "request-1", "status": "processing", "timestamp": "2025-01-01T00:00:00Z"}                                                                                                               |
        | 20 s | call_started | Inbox.notify | {"requestId": "request-1", "status": "failed", "timestamp": "2025-01-01T00:00:20Z", "error": {"code": "PERMANENT_ERROR", "message": "scripted failure", "executions": 1, "responseTime": "20s"}} |
      And "Inbox.notify" is executed 2 times

    @integration-2
    Scenario Outline: The result <result> is in the callback and in the status
      Given "Inbox.notify" receives the callbacks
      And "Reports.build" replies:
        """json
        <result>
        """
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is completed
      And the timeline has, in order:
        | at   | event        | call         | input                                                                                                      |
        | 20 s | call_started | Inbox.notify | {"requestId": "request-1", "status": "completed", "timestamp": "2025-01-01T00:00:20Z", "result": <result>} |

      Examples:
        | result |
        | false  |
        | 0      |
        | ""     |
        | null   |
        | []     |
        | {}     |

    @integration-2
    Scenario: A slow callback is not overtaken by the next
      Given "Inbox.notify" receives the callbacks
      And "Inbox.notify" takes 30 s
      And every call times out after 5 min
      When a request to "Reports.build" is submitted
      And the request ends
      Then it takes 20 s
      When 40 s pass
      Then the calls are:
        | at   | call          | took | result |
        | 0 s  | Reports.build | 20 s | ok     |
        | 0 s  | Inbox.notify  | 30 s | ok     |
        | 30 s | Inbox.notify  | 30 s | ok     |
      And the timeline has, in order:
        | at   | event        | call         | input                                                                                                |
        | 30 s | call_started | Inbox.notify | {"requestId": "request-1", "status": "completed", "timestamp": "2025-01-01T00:00:20Z", "result": {}} |

    @integration-2
    Scenario: Concurrent requests do not mix
      Given a service "Search"
      And "Inbox.notify" receives the callbacks
      And "Search.index" takes 10 s
      And "Search.index" fails with "PERMANENT_ERROR"
      When a request to "Reports.build" is submitted with:
        """json
        { "month": "2024-12" }
        """
      And a request to "Search.index" is submitted
      Then the request "request-1" is processing
      And the request "request-2" is processing
      When 10 s pass
      Then the request "request-1" is processing
      And the request "request-2" is failed
      When 10 s pass
      Then the request "request-1" is completed
      And the request "request-1" has:
        | path   | value |
        | /error |       |
      And the request "request-2" has:
        | path        | value           |
        | /error/code | PERMANENT_ERROR |
        | /result     |                 |
      And the timeline has, in order:
        | at   | event        | caller  | call         |
        | 0 s  | call_started | Reports | Inbox.notify |
        | 0 s  | call_started | Search  | Inbox.notify |
        | 10 s | call_started | Search  | Inbox.notify |
        | 20 s | call_started | Reports | Inbox.notify |
      And the timeline has, in order:
        | at   | event                  | request   | status     |
        | 0 s  | request_status_changed | request-1 | processing |
        | 0 s  | request_status_changed | request-2 | processing |
        | 10 s | request_status_changed | request-2 | failed     |
        | 20 s | request_status_changed | request-1 | completed  |

  Rule: An ended request is forgotten after five minutes

    @integration-2
    Scenario: A request is known until just before five minutes have passed
      When a request to "Reports.build" is submitted
      And the request ends
      And 299999 ms pass
      Then the request is completed
      When 1 ms passes
      Then the request is unknown
      And the request "/api/v1/requests/request-1/status" is unknown
      And the timeline has, in order:
        | at    | event                  | request   | status    |
        | 20 s  | request_status_changed | request-1 | completed |
        | 320 s | request_forgotten      | request-1 |           |

    @integration-2
    Scenario: A failed request is kept for five minutes too
      Given "Reports.build" fails with "PERMANENT_ERROR"
      When a request to "Reports.build" is submitted
      And the request ends
      And 299999 ms pass
      Then the request is failed
      When 1 ms passes
      Then the request is unknown

    @integration-2
    Scenario: A request in progress is kept however long it takes
      Given "Reports.build" takes 24 h
      And every call times out after 48 h
      When a request to "Reports.build" is submitted
      And 23 h pass
      Then the request is processing

    @integration-2
    Scenario Outline: A request kept for <time> is unknown after that
      Given ended requests are kept for <time>
      When a request to "Reports.build" is submitted
      And the request ends
      And <before> pass
      Then the request is <then>
      When 1 ms passes
      Then the request is unknown

      Examples:
        | time | before  | then      |
        | 2 s  | 1.999 s | completed |
        | 0 s  | 0 s     | unknown   |

    @integration-2
    Scenario: A request that was never submitted is unknown
      When a request to "Reports.build" is submitted
      Then the request "request-2" is unknown

  Rule: A failed callback does not affect its request

    @integration-2
    Scenario: Callbacks to a target that is down are retried, and the request still completes
      Given "Inbox.notify" receives the callbacks
      And "Inbox" is down
      When a request to "Reports.build" is submitted
      And the request ends
      Then it takes 20 s
      And the request is completed
      When 14 s pass
      Then the request is completed
      And the request has:
        | path    | value |
        | /result | {}    |
      And "Inbox.notify" is executed 8 times
      And "Inbox.notify" waits "2 s, 4 s, 8 s" between executions
      And the timeline has, in order:
        | at   | event                  | request   | status     | call         | executions | code                |
        | 14 s | callback_failed        | request-1 | processing | Inbox.notify | 4          | SERVICE_UNAVAILABLE |
        | 20 s | request_status_changed | request-1 | completed  |              |            |                     |
        | 34 s | callback_failed        | request-1 | completed  | Inbox.notify | 4          | SERVICE_UNAVAILABLE |
      And the timeline has none of:
        | event                  | status |
        | request_status_changed | failed |

    @integration-2
    Scenario: A callback target that recovers during the retries gets every callback in order
      Given "Inbox.notify" receives the callbacks
      And "Inbox" is down for 26 s
      And "Reports.build" takes 16 s
      When a request to "Reports.build" is submitted
      And the request ends
      And 10 s pass
      Then the request is completed
      And the timeline has, in order:
        | at   | event           | call         | status     | result              | input                                                                                                |
        | 14 s | callback_failed | Inbox.notify | processing |                     |                                                                                                      |
        | 16 s | call_started    | Inbox.notify |            |                     | {"requestId": "request-1", "status": "completed", "timestamp": "2025-01-01T00:00:16Z", "result": {}} |
        | 16 s | call_ended      | Inbox.notify |            | SERVICE_UNAVAILABLE |                                                                                                      |
        | 18 s | call_ended      | Inbox.notify |            | SERVICE_UNAVAILABLE |                                                                                                      |
        | 22 s | call_ended      | Inbox.notify |            | SERVICE_UNAVAILABLE |                                                                                                      |
      And the timeline has none of:
        | event           | status    |
        | callback_failed | completed |
      When 4 s pass
      Then the timeline has, in order:
        | at   | event      | call         | result |
        | 30 s | call_ended | Inbox.notify | ok     |

    @integration-2
    Scenario: A callback being retried delays the next
      Given "Inbox.notify" receives the callbacks
      And "Reports.build" takes 1 s
      And "Inbox.notify" fails 1 time with "CONNECTION_RESET"
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is completed
      When 1 s passes
      Then the timeline has, in order:
        | at  | event        | call         | execution | input                                                                                                |
        | 0 s | call_started | Inbox.notify | 1         | {"requestId": "request-1", "status": "processing", "timestamp": "2025-01-01T00:00:00Z"}              |
        | 2 s | call_started | Inbox.notify | 2         | {"requestId": "request-1", "status": "processing", "timestamp": "2025-01-01T00:00:00Z"}              |
        | 2 s | call_started | Inbox.notify | 3         | {"requestId": "request-1", "status": "completed", "timestamp": "2025-01-01T00:00:01Z", "result": {}} |
      And the timeline has none of:
        | event           |
        | callback_failed |

    @integration-2
    Scenario: A callback that fails permanently is not retried
      Given "Inbox.notify" receives the callbacks
      And "Inbox.notify" fails 1 time with "PERMISSION_DENIED"
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is completed
      And the calls are:
        | at   | call          | result            |
        | 0 s  | Reports.build | ok                |
        | 0 s  | Inbox.notify  | PERMISSION_DENIED |
        | 20 s | Inbox.notify  | ok                |
      And the timeline has, in order:
        | event           | status     | executions | code              |
        | callback_failed | processing | 1          | PERMISSION_DENIED |

    @integration-2
    Scenario: A callback target that was removed
      Given "Inbox.notify" receives the callbacks
      When a request to "Reports.build" is submitted
      And "Inbox" is removed
      And the request ends
      Then the request is completed
      And the timeline has, in order:
        | at   | event           | request   | status    | executions | code              |
        | 20 s | callback_failed | request-1 | completed | 0          | SERVICE_NOT_FOUND |

    @integration-2 @integration-8
    Scenario: An open breaker stops callbacks to the target
      Given "Inbox.notify" receives the callbacks
      And a circuit breaker on "Inbox" opening after 2 failures for 15 s
      And "Inbox.notify" fails 2 times with "CONNECTION_RESET"
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is completed
      And "Inbox.notify" is executed 3 times
      And the timeline has, in order:
        | at   | event           | call         | status     | code                | result           |
        | 2 s  | call_ended      | Inbox.notify |            |                     | CONNECTION_RESET |
        | 6 s  | call_refused    | Inbox.notify |            | SERVICE_UNAVAILABLE |                  |
        | 14 s | call_refused    | Inbox.notify |            | SERVICE_UNAVAILABLE |                  |
        | 14 s | callback_failed | Inbox.notify | processing | SERVICE_UNAVAILABLE |                  |
        | 20 s | call_ended      | Inbox.notify |            |                     | ok               |

    @integration-2 @integration-8
    Scenario: A breaker's fallback does not count as a delivered callback
      Given "Inbox.notify" receives the callbacks
      And a circuit breaker on "Inbox":
        | field            | value            |
        | failureThreshold | 1                |
        | recovery         | 5 min            |
        | fallback         | {"noted": false} |
      And "Inbox.notify" is retried up to 1 time
      And "Inbox" is down
      When a request to "Reports.build" is submitted
      And 2 s pass
      Then the timeline has, in order:
        | at  | event           | status     | executions | code                |
        | 2 s | callback_failed | processing | 1          | SERVICE_UNAVAILABLE |
      And the request is processing

    @integration-2
    Scenario: A callback during a partition is retried until it heals
      Given "Inbox.notify" receives the callbacks
      And "Inbox.notify" times out after 3 s
      And "Reports" is cut off from "Inbox" for 4 s
      When a request to "Reports.build" is submitted
      And the request ends
      Then the request is completed
      And the calls are:
        | at   | call          | execution | took | result  |
        | 0 s  | Reports.build | 1         | 20 s | ok      |
        | 0 s  | Inbox.notify  | 1         | 3 s  | TIMEOUT |
        | 5 s  | Inbox.notify  | 2         | 0 s  | ok      |
        | 20 s | Inbox.notify  | 3         | 0 s  | ok      |

    @integration-2
    Scenario: A callback whose reply was lost takes effect once
      Given "Inbox.notify" receives the callbacks
      And "Inbox.notify" times out after 3 s
      And "Inbox.notify" answers:
        | execution | answer     |
        | 1         | late 10 ms |
      When a request to "Reports.build" is submitted
      And the request ends
      Then "Inbox.notify" is executed 3 times
      And no effect happens twice

  Rule: A request that cannot reach its service fails, and the callback has the error

    @integration-2
    Scenario: A service that is down for too long
      Given "Inbox.notify" receives the callbacks
      And "Reports" is down
      When a request to "Reports.build" is submitted
      And the request ends
      Then it takes 14 s
      And the request is failed
      And the request has:
        | path              | value               |
        | /error/code       | SERVICE_UNAVAILABLE |
        | /error/executions | 4                   |
      And "Inbox.notify" is executed 2 times

    @integration-2
    Scenario: A service that is removed while the request is waiting
      Given requests are processed 1 at a time
      When a request to "Reports.build" is submitted
      And a request to "Reports.build" is submitted
      And "Reports" is removed
      And the request ends
      Then the request "request-1" is completed
      And the request "request-2" is failed
      And the request "request-2" has:
        | path        | value             |
        | /error/code | SERVICE_NOT_FOUND |

    @integration-2
    Scenario: The service can be its own callback target
      Given "Reports.built" receives the callbacks
      When a request to "Reports.build" is submitted
      And the request ends
      Then the calls are:
        | at   | call          | result |
        | 0 s  | Reports.build | ok     |
        | 0 s  | Reports.built | ok     |
        | 20 s | Reports.built | ok     |
