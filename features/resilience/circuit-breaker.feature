Feature: Circuit breaker
  A circuit breaker stops calls to a failing service: callers get an immediate
  answer instead of a timeout, and the service gets time to recover.

  Rule: A breaker opens after consecutive failures

    @resilience-3 @needs-json-schema
    Scenario: Three timeouts open the breaker and the fourth call gets the fallback
      Given the services from "agent-platform"
      And a circuit breaker on "PersonalityService":
        | field    | value                                                |
        | preset   | coordination                                         |
        | fallback | {"isValid": false, "code": "SERVICE_UNAVAILABLE"}    |
      And every call times out after 2 s
      And "PersonalityService.validatePersonalityReference" hangs
      When "PersonalityService.validatePersonalityReference" is called 2 times
      Then it takes 4 s
      And the call fails with "TIMEOUT"
      And the circuit breaker on "PersonalityService" is closed
      When "PersonalityService.validatePersonalityReference" is called
      Then the call fails with "TIMEOUT"
      And the circuit breaker on "PersonalityService" is open
      When "PersonalityService.validatePersonalityReference" is called
      Then the call succeeds
      And it takes 0 ms
      And the reply is:
        """json
        { "isValid": false, "code": "SERVICE_UNAVAILABLE", "fallbackUsed": true }
        """
      And "PersonalityService.validatePersonalityReference" is executed 3 times
      And the timeline has, in order:
        | at  | event          | service            | call                                            | by      | code                |
        | 6 s | breaker_opened | PersonalityService |                                                 |         |                     |
        | 6 s | call_refused   |                    | PersonalityService.validatePersonalityReference | breaker | SERVICE_UNAVAILABLE |

    @resilience-3 @needs-json-schema
    Scenario: Other services are not affected
      Given the services from "agent-platform"
      And a circuit breaker on "PersonalityService" opening after 3 failures for 5 s
      And a circuit breaker on "RoleService" opening after 3 failures for 5 s
      And "PersonalityService" is down
      When "PersonalityService.validatePersonalityReference" is called 3 times
      Then the circuit breaker on "PersonalityService" is open
      And the circuit breaker on "RoleService" is closed
      When "RoleService.validateRoleCapabilities" is called with:
        """json
        { "id": "software-mentor" }
        """
      Then the call succeeds
      And the reply has:
        | path                | value |
        | /compatibilityScore | 0.95  |

    @resilience-3
    Scenario: An open breaker refuses every operation of its service
      Given a service "Search"
      And a circuit breaker on "Search" opening after 3 failures for 5 s
      And "Search.find" fails with "CONNECTION_REFUSED"
      When "Search.find" is called 3 times
      And "Search.suggest" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And "Search.suggest" is never executed
      And the failure has:
        | path        | value                                    |
        | /message    | the circuit breaker on "Search" is open  |
        | /service    | Search                                   |
        | /executions | 0                                        |
        | /retryable  | true                                     |

    @resilience-3 @needs-json-schema
    Scenario: A workflow continues with the fallback reply
      Given the services from "agent-platform"
      And the workflow "completeAgentCreation"
      And a circuit breaker on "PersonalityService":
        | field    | value                                                                          |
        | preset   | coordination                                                                   |
        | fallback | {"isValid": true, "id": "creative-mentor", "version": 1, "source": "cache"}    |
      And every call times out after 2 s
      And "PersonalityService.validatePersonalityReference" hangs
      When "PersonalityService.validatePersonalityReference" is called 3 times
      And the workflow runs
      Then the workflow is degraded
      And it takes 375 ms
      And "PersonalityService.validatePersonalityConfiguration" is never executed
      And the outcome has:
        | path                                   | value |
        | /data/validatePersonality/fallbackUsed | true  |
        | /data/validatePersonality/source       | cache |
        | /steps/0/took                          | 0 ms  |
      And the outcome matches the snapshot

    @resilience-6
    Scenario: A success resets the failure count
      Given a service "Search"
      And a circuit breaker on "Search":
        | field  | value   |
        | preset | default |
      And "Search.find" answers:
        | execution | answer                 |
        | 1-4       | error CONNECTION_RESET |
        | 5         | ok                     |
        | 6-9       | error CONNECTION_RESET |
        | 10        | error CONNECTION_RESET |
      When "Search.find" is called 9 times
      Then the circuit breaker on "Search" is closed
      And "Search.find" is executed 9 times
      When "Search.find" is called
      Then the circuit breaker on "Search" is open

    @resilience-6
    Scenario Outline: <code> does not count as a failure
      Given a service "Search"
      And a circuit breaker on "Search" opening after 1 failure for 60 s
      And "Search.find" fails with "<code>"
      When "Search.find" is called 10 times
      Then the circuit breaker on "Search" is closed
      And 10 calls fail with "<code>"
      And "Search.find" is executed 10 times

      Examples:
        | code              |
        | VALIDATION_FAILED |
        | INVALID_REFERENCE |
        | INVALID_MODEL     |
        | QUERY_NOT_FOUND   |
        | CANCELLED         |

    @resilience-6
    Scenario: Refusals do not count as failures
      Given a service "Search"
      And a circuit breaker on "Search" opening after 1 failure for 5 s
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      And 4 s pass
      And "Search.find" is called 20 times
      Then 20 calls fail with "SERVICE_UNAVAILABLE"
      And it takes 0 ms
      And the circuit breaker on "Search" is open
      When 1 s passes
      Then the circuit breaker on "Search" is half-open

  Rule: After its recovery time a breaker probes the service

    @resilience-4 @needs-json-schema
    Scenario: Two successful probes close the breaker
      Given the services from "agent-platform"
      And a circuit breaker on "PersonalityService":
        | field  | value             |
        | preset | coordination-fast |
      And every call times out after 1500 ms
      And "PersonalityService.validatePersonalityReference" answers:
        | execution | answer          |
        | 1-2       | hang            |
        | 3         | after 500 ms ok |
        | 4         | after 450 ms ok |
      When "PersonalityService.validatePersonalityReference" is called 2 times
      Then the circuit breaker on "PersonalityService" is open
      When 2999 ms pass
      Then the circuit breaker on "PersonalityService" is open
      When 1 ms passes
      Then the circuit breaker on "PersonalityService" is half-open
      When "PersonalityService.validatePersonalityReference" is called with:
        """json
        { "personalityId": "creative-mentor" }
        """
      Then the call succeeds
      And it takes 500 ms
      And the circuit breaker on "PersonalityService" is half-open
      When "PersonalityService.validatePersonalityReference" is called with:
        """json
        { "personalityId": "creative-mentor" }
        """
      Then the call succeeds
      And it takes 450 ms
      And the circuit breaker on "PersonalityService" is closed
      And the timeline has, in order:
        | at      | event               | service            |
        | 3 s     | breaker_opened      | PersonalityService |
        | 6 s     | breaker_half_opened | PersonalityService |
        | 6950 ms | breaker_closed      | PersonalityService |

    @resilience-4
    Scenario: A failed probe reopens the breaker for the whole recovery time
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 10 s
      And "Search.find" answers:
        | execution | answer                         |
        | 1-2       | error CONNECTION_REFUSED       |
        | 3         | ok                             |
        | 4         | after 1 s error TOOL_ERROR     |
      When "Search.find" is called 2 times
      And 10 s pass
      And "Search.find" is called
      Then the circuit breaker on "Search" is half-open
      When "Search.find" is called
      Then the call fails with "TOOL_ERROR"
      And the circuit breaker on "Search" is open
      When 9999 ms pass
      Then the circuit breaker on "Search" is open
      When 1 ms passes
      Then the circuit breaker on "Search" is half-open
      When "Search.find" is called 2 times
      Then the circuit breaker on "Search" is closed
      And the timeline has, in order:
        | at   | event               |
        | 0 ms | breaker_opened      |
        | 10 s | breaker_half_opened |
        | 11 s | breaker_opened      |
        | 21 s | breaker_half_opened |
        | 21 s | breaker_closed      |

    @resilience-5
    Scenario: Only one probe at a time reaches the service
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 3 s
      And "Search.find" takes 100 ms
      And "Search.find" fails 2 times with "CONNECTION_RESET"
      When "Search.find" is called 2 times
      And 3 s pass
      And "Search.find" is called 5 times at once
      Then 1 call succeeds
      And 4 calls fail with "SERVICE_UNAVAILABLE"
      And "Search.find" is executed 3 times
      And the circuit breaker on "Search" is half-open
      And the failure has:
        | path     | value                                        |
        | /message | the circuit breaker on "Search" is half-open |

    @resilience-5
    Scenario: Only the permitted number of probes reaches the service
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value |
        | failureThreshold | 2     |
        | recovery         | 3 s   |
        | permittedCalls   | 3     |
        | successThreshold | 3     |
      And "Search.find" takes 100 ms
      And "Search.find" fails 2 times with "CONNECTION_RESET"
      When "Search.find" is called 2 times
      And 3 s pass
      And "Search.find" is called 5 times at once
      Then 3 calls succeed
      And 2 calls fail with "SERVICE_UNAVAILABLE"
      And at most 3 calls to "Search" run at once
      And the circuit breaker on "Search" is closed

    @resilience-5
    Scenario: A probe that hangs does not block later probes
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value |
        | failureThreshold | 1     |
        | recovery         | 3 s   |
        | maxHalfOpenWait  | 1 s   |
      And the workflow:
        """json
        { "id": "report", "steps": [{ "id": "find", "service": "Search", "operation": "find" }] }
        """
      And "Search.find" answers:
        | execution | answer                 |
        | 1         | error CONNECTION_RESET |
        | 2         | hang                   |
      When "Search.find" is called
      And 3 s pass
      And the workflow starts
      Then the circuit breaker on "Search" is half-open
      When 1 s passes
      Then the circuit breaker on "Search" is half-open
      When 1 ms passes
      Then the circuit breaker on "Search" is open
      When 2999 ms pass
      Then the circuit breaker on "Search" is half-open
      When "Search.find" is called
      Then the call succeeds
      When the workflow ends
      Then the workflow is rolled back
      And the circuit breaker on "Search" is half-open

  Rule: Breakers and retries work together

    @resilience-11
    Scenario: A breaker that reopens refuses waiting retries
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 5 s
      And "Search.find" is retried up to 2 times
      And "Search.find" fails 3 times with "CONNECTION_RESET"
      When "Search.find" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And it takes 300 ms
      And the failure has:
        | path           | value            |
        | /executions    | 2                |
        | /causes/0/code | CONNECTION_RESET |
        | /causes/1/code | CONNECTION_RESET |
      When 5 s pass
      And "Search.find" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And it takes 300 ms
      And the failure has:
        | path           | value               |
        | /executions    | 1                   |
        | /causes/0/code | CONNECTION_RESET    |
        | /causes/1/code | SERVICE_UNAVAILABLE |
      And "Search.find" is executed 3 times
      And the circuit breaker on "Search" is open
      And the timeline has, in order:
        | at      | event               | by      | delay  |
        | 100 ms  | breaker_opened      |         |        |
        | 100 ms  | retry_scheduled     |         | 200 ms |
        | 300 ms  | call_refused        | breaker |        |
        | 5300 ms | breaker_half_opened |         |        |
        | 5300 ms | breaker_opened      |         |        |
        | 5300 ms | retry_scheduled     |         | 100 ms |
        | 5400 ms | call_refused        | breaker |        |
        | 5400 ms | retry_scheduled     |         | 200 ms |
        | 5600 ms | call_refused        | breaker |        |

    @resilience-11
    Scenario: Another caller's failures open the breaker while a retry waits
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 10 s
      And the workflow:
        """json
        {
          "id": "report",
          "steps": [
            {
              "id": "find", "service": "Search", "operation": "find", "dependencies": [],
              "retry": { "maxRetries": 1, "base": "1s" }
            },
            { "id": "index", "service": "Search", "operation": "index", "dependencies": [], "optional": true }
          ]
        }
        """
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      And "Search.index" answers:
        | execution | answer                              |
        | 1         | after 500 ms error CONNECTION_RESET |
      When the workflow runs
      Then the workflow is rolled back
      And it takes 1 s
      And the error is "SERVICE_UNAVAILABLE" from "Search.find"
      And "Search.find" is executed 1 time
      And the outcome has:
        | path                         | value               |
        | /steps/0/error/code          | SERVICE_UNAVAILABLE |
        | /steps/0/error/executions    | 1                   |
        | /steps/0/error/causes/0/code | CONNECTION_RESET    |

    @resilience-11
    Scenario: Retries that wait long enough get past an open breaker
      Given a service "Search"
      And a circuit breaker on "Search" opening after 1 failure for 1 h
      And the retry policy:
        | field      | value  |
        | maxRetries | 4      |
        | base       | 30 min |
        | multiplier | 1      |
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      Then the call succeeds
      And it takes 1 h
      And "Search.find" is executed 2 times
      And the circuit breaker on "Search" is half-open

    @resilience-3
    Scenario: A fallback replies only after the retries are used up
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value           |
        | failureThreshold | 1               |
        | recovery         | 1 h             |
        | fallback         | {"results": []} |
      And "Search.find" is retried up to 2 times
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      Then the call succeeds
      And it takes 300 ms
      And the reply is:
        """json
        { "results": [], "fallbackUsed": true }
        """
      And "Search.find" is executed 1 time

    @resilience-3
    Scenario: A failure of the service itself gets no fallback
      Given a service "Search"
      And a circuit breaker on "Search":
        | field    | value           |
        | preset   | external-api    |
        | fallback | {"results": []} |
      And "Search.find" fails with "CONNECTION_RESET"
      When "Search.find" is called
      Then the call fails with "CONNECTION_RESET"

    @resilience-3
    Scenario: A fallback may be any value
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value         |
        | failureThreshold | 1             |
        | fallback         | ["yesterday"] |
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called 2 times
      Then the call succeeds
      And the reply is:
        """json
        ["yesterday"]
        """

    @resilience-4 @resilience-6
    Scenario: A probe that does not count makes room for the next
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value |
        | failureThreshold | 1     |
        | successThreshold | 1     |
        | recovery         | 3 s   |
      And "Search.find" answers:
        | execution | answer                  |
        | 1         | error CONNECTION_RESET  |
        | 2         | error VALIDATION_FAILED |
      When "Search.find" is called
      And 3 s pass
      And "Search.find" is called
      Then the call fails with "VALIDATION_FAILED"
      And the circuit breaker on "Search" is half-open
      When "Search.find" is called
      Then the call succeeds
      And the circuit breaker on "Search" is closed

  Rule: A policy says which failures count, and may guard one operation

    @resilience-6
    Scenario Outline: Failures with other codes than those that count do not open the breaker: <field> <codes>
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value   |
        | failureThreshold | 1       |
        | <field>          | <codes> |
      And "Search.find" fails 1 time with "RATE_LIMITED"
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      Then the circuit breaker on "Search" is closed
      When "Search.find" is called
      Then the circuit breaker on "Search" is open

      Examples:
        | field  | codes                      |
        | failOn | CONNECTION_RESET           |
        | failOn | TIMEOUT, CONNECTION_RESET  |
        | skipOn | ["RATE_LIMITED"]           |

    @resilience-6
    Scenario: A code that usually does not count can be made to
      Given a service "Search"
      And a circuit breaker on "Search":
        | field            | value             |
        | failureThreshold | 1                 |
        | failOn           | VALIDATION_FAILED |
      And "Search.find" fails 1 time with "VALIDATION_FAILED"
      When "Search.find" is called
      Then the circuit breaker on "Search" is open

    @resilience-3
    Scenario: A breaker of one operation leaves the others alone
      Given a service "Search"
      And a circuit breaker on "Search.find" opening after 1 failure for 10 s
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      Then the circuit breaker on "Search.find" is open
      When "Search.index" is called
      Then the call succeeds
      When "Search.find" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And the failure has:
        | path     | value                                         |
        | /message | the circuit breaker on "Search.find" is open |

    @resilience-3
    Scenario: A call passes the breaker of its service, then that of its operation
      Given a service "Search"
      And a circuit breaker on "Search" opening after 2 failures for 10 s
      And a circuit breaker on "Search.find" opening after 1 failure for 1 min
      And "Search.find" fails 1 time with "CONNECTION_RESET"
      And "Search.index" fails 1 time with "CONNECTION_RESET"
      When "Search.find" is called
      Then the circuit breaker on "Search" is closed
      When "Search.index" is called
      Then the circuit breaker on "Search" is open
      When 10 s pass
      And "Search.find" is called
      Then the call fails with "SERVICE_UNAVAILABLE"
      And the circuit breaker on "Search" is half-open
      When "Search.index" is called 2 times
      Then the circuit breaker on "Search" is closed
