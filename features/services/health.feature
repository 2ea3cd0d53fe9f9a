Feature: Health
  The health of a service can be checked before work is sent to it. The check is a
  probe, a call like any other; while its breaker is open, a service is not called
  and counts as unhealthy.

  Rule: A probe checks the health

    @resilience-10 @integration-8
    Scenario: A service that answers is healthy
      Given a service "Search"
      And a circuit breaker on "Search" opening after 3 failures for 5 s
      When the health of "Search" is checked
      Then "Search" is healthy
      And the circuit breaker on "Search" is closed
      And the calls are:
        | call          | result |
        | Search.health | ok     |
      And nothing has an effect
      And the timeline has, in order:
        | event          | service | status  | breaker |
        | health_checked | Search  | healthy | closed  |

    @resilience-10 @integration-8
    Scenario Outline: A service that <fails> is unhealthy
      Given a service "Search"
      And every call times out after 2 s
      And every call is retried up to 3 times
      And <fault>
      When the health of "Search" is checked
      Then "Search" is unhealthy
      And it takes <time>
      And "Search.health" is executed 1 time

      Examples:
        | fails                | time | fault                                         |
        | is down              | 0 s  | "Search" is down                              |
        | fails its probe      | 0 s  | "Search.health" fails with "CONNECTION_RESET" |
        | hangs                | 2 s  | "Search.health" hangs                         |
        | is cut off           | 2 s  | "scenario" is cut off from "Search"           |
        | corrupts its replies | 0 s  | "Search" corrupts its replies                 |

    @resilience-10 @integration-8
    Scenario: A service that refuses a request is healthy
      Given a service "Search"
      And "Search.health" fails with "VALIDATION_FAILED"
      When the health of "Search" is checked
      Then "Search" is healthy

    @resilience-10 @integration-8
    Scenario: A service is probed by the operation that its definition names
      Given a service "Ledger"
        """json
        { "probe": "ping", "operations": { "ping": { "kind": "get" }, "book": {} } }
        """
      When the health of "Ledger" is checked
      Then "Ledger" is healthy
      And "Ledger.ping" is executed 1 time

    @resilience-10 @integration-8
    Scenario: A service without a probe is of unknown health
      Given a service "Ledger"
        """json
        { "operations": { "book": {} } }
        """
      When the health of "Ledger" is checked
      Then "Ledger" is of unknown health
      And "Ledger.book" is never executed

    @resilience-10 @integration-8
    Scenario: A service that does not exist is of unknown health
      Given a service "Search"
      When the health of "Serch" is checked
      Then "Serch" is of unknown health
      And the timeline has, in order:
        | event          | service | status  | breaker |
        | health_checked | Serch   | unknown | unknown |

    @resilience-10 @integration-8
    Scenario: A service without a breaker reports it closed
      Given a service "Search"
      When the health of "Search" is checked
      Then the timeline has, in order:
        | event          | service | status  | breaker |
        | health_checked | Search  | healthy | closed  |

  Rule: An open breaker is unhealthy without a probe

    @resilience-10 @integration-8
    Scenario: The breaker of the storage service stays open for two minutes, and two successes close it
      Given a service "storage-service"
      And a circuit breaker on "storage-service":
        | field  | value           |
        | preset | storage-service |
      And "storage-service.save" fails 3 times with "CONNECTION_REFUSED"
      When "storage-service.save" is called 3 times
      Then the circuit breaker on "storage-service" is open
      When the health of "storage-service" is checked
      Then "storage-service" is unhealthy
      And it takes 0 s
      And the timeline has none of:
        | event        | call                   |
        | call_refused | storage-service.health |
      When 119999 ms pass
      And the health of "storage-service" is checked
      Then "storage-service" is unhealthy
      And the circuit breaker on "storage-service" is open
      When 1 ms passes
      Then the circuit breaker on "storage-service" is half-open
      When "storage-service.save" is called
      Then the circuit breaker on "storage-service" is half-open
      When the health of "storage-service" is checked
      Then "storage-service" is healthy
      And the circuit breaker on "storage-service" is closed
      And the calls are:
        | at    | call                   | result             |
        | 0 s   | storage-service.save   | CONNECTION_REFUSED |
        | 0 s   | storage-service.save   | CONNECTION_REFUSED |
        | 0 s   | storage-service.save   | CONNECTION_REFUSED |
        | 2 min | storage-service.save   | ok                 |
        | 2 min | storage-service.health | ok                 |
      And the timeline has, in order:
        | at        | event          | service         | status    | breaker |
        | 0 s       | health_checked | storage-service | unhealthy | open    |
        | 119999 ms | health_checked | storage-service | unhealthy | open    |
        | 2 min     | breaker_closed | storage-service |           |         |
        | 2 min     | health_checked | storage-service | healthy   | closed  |

    @resilience-10 @resilience-5
    Scenario: A hanging probe does not keep the breaker half-open forever
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value |
        | failureThreshold | 1     |
        | recovery         | 10 s  |
        | maxHalfOpenWait  | 2 s   |
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      And "Search.health" hangs 1 time
      When "Search.find" is called
      And 10 s pass
      And the health of "Search" is checked
      Then "Search" is unhealthy
      And it takes 30 s
      And the timeline has, in order:
        | at   | event               | call          | service | result  | status    |
        | 10 s | breaker_half_opened |               | Search  |         |           |
        | 10 s | call_started        | Search.health |         |         |           |
        | 40 s | call_ended          | Search.health |         | TIMEOUT |           |
        | 40 s | breaker_opened      |               | Search  |         |           |
        | 40 s | health_checked      |               | Search  |         | unhealthy |
      And the circuit breaker on "Search" is half-open
      When the health of "Search" is checked
      Then "Search" is healthy
      When the health of "Search" is checked
      Then the circuit breaker on "Search" is closed

    @resilience-10
    Scenario: A failed probe reopens the breaker with a fresh timer
      Given a service "Search"
      And a circuit breaker on "Search" opening after 1 failure for 10 s
      And "Search" is down for 15 s
      When "Search.find" is called
      And 10 s pass
      And the health of "Search" is checked
      Then "Search" is unhealthy
      And the circuit breaker on "Search" is open
      When 9 s pass
      And the health of "Search" is checked
      Then "Search" is unhealthy
      And "Search.health" is executed 1 time
      When 1 s passes
      And the health of "Search" is checked
      Then "Search" is healthy

    @resilience-10
    Scenario: A fallback does not make a service healthy
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value        |
        | failureThreshold | 1            |
        | recovery         | 10 s         |
        | fallback         | {"hits": []} |
      And the workflow:
        """json
        { "id": "report", "steps": [{ "id": "find", "service": "Search", "operation": "find" }] }
        """
      And "Search.find" answers:
        | execution | answer                 |
        | 1         | error CONNECTION_RESET |
        | 2         | after 5 s ok           |
      When "Search.find" is called
      And 10 s pass
      And the workflow starts
      And the health of "Search" is checked
      Then "Search" is unhealthy
      And "Search.health" is never executed
      When the workflow ends
      Then the workflow completes
