Feature: Retries
  Most network failures are transient. A retry is right if the next execution may
  succeed, and wrong if the result will always be the same.

  Background:
    Given a service "Search"

  Rule: Transient failures are retried

    @resilience-1
    Scenario: A call succeeds after two transient failures
      Given the retry policy "coordination"
      And "Search.find" fails 2 times with "NETWORK_TIMEOUT"
      When "Search.find" is called
      Then the call succeeds
      And it takes 300 ms
      And "Search.find" waits "100 ms, 200 ms" between executions
      And the calls are:
        | at     | call        | execution | took | result          |
        | 0 ms   | Search.find | 1         | 0 ms | NETWORK_TIMEOUT |
        | 100 ms | Search.find | 2         | 0 ms | NETWORK_TIMEOUT |
        | 300 ms | Search.find | 3         | 0 ms | ok              |
      And the timeline has, in order:
        | at     | event           | call        | execution | delay  |
        | 0 ms   | retry_scheduled | Search.find | 1         | 100 ms |
        | 100 ms | retry_scheduled | Search.find | 2         | 200 ms |

    @resilience-1
    Scenario: A permanent error is not retried
      Given the retry policy "coordination"
      And "Search.find" fails with "PERMANENT_ERROR"
      When "Search.find" is called
      Then the call fails with "PERMANENT_ERROR"
      And it takes 0 ms
      And "Search.find" is executed 1 time
      And the failure has:
        | path        | value |
        | /retryable  | false |
        | /executions | 1     |
        | /causes     |       |

    @resilience-1
    Scenario Outline: A failure that was not retried says why: <code>
      Given <policy>
      And "Search.find" fails with "<code>"
      When "Search.find" is called
      Then the call fails with "<code>"
      And "Search.find" is executed 1 time
      And the failure has:
        | path        | value    |
        | /notRetried | <reason> |

      Examples:
        | policy                              | code            | reason                                                                          |
        | every call is retried up to 3 times | PERMANENT_ERROR | PERMANENT_ERROR is not a retryable code                                         |
        | every call is retried up to 3 times | ON_STRIKE       | ON_STRIKE is not declared retryable, and an undeclared code is never retried    |
        | "Search.find" is retried up to 1 time | ON_STRIKE     | ON_STRIKE is not declared retryable, and an undeclared code is never retried    |
        | every call is retried up to 0 times | PERMANENT_ERROR |                                                                                 |
        | every call times out after 2 s      | ON_STRIKE       |                                                                                 |

    @resilience-1
    Scenario: A failure after all retries lists its executions and causes
      Given the retry policy "coordination"
      And "Search.find" answers:
        | execution | answer                   |
        | 1         | error CONNECTION_REFUSED |
        | 2         | error CONNECTION_RESET   |
        | 3-        | error NETWORK_TIMEOUT    |
      When "Search.find" is called
      Then the call fails with "NETWORK_TIMEOUT"
      And it takes 300 ms
      And "Search.find" is executed 3 times
      And the failure has:
        | path           | value              |
        | /code          | NETWORK_TIMEOUT    |
        | /service       | Search             |
        | /operation     | find               |
        | /mode          | system_network     |
        | /retryable     | true               |
        | /executions    | 3                  |
        | /causes/0/code | CONNECTION_REFUSED |
        | /causes/1/code | CONNECTION_RESET   |
        | /causes/2      |                    |

    @resilience-1
    Scenario: A permanent error ends the retries
      Given every call is retried up to 5 times
      And "Search.find" answers:
        | execution | answer                  |
        | 1         | error CONNECTION_RESET  |
        | 2         | error PERMISSION_DENIED |
      When "Search.find" is called
      Then the call fails with "PERMISSION_DENIED"
      And it takes 100 ms
      And "Search.find" is executed 2 times

    @resilience-1
    Scenario Outline: <code> is retried: <retried>
      Given every call is retried up to 1 time
      And "Search.find" fails with "<code>"
      When "Search.find" is called
      Then the call fails with "<code>"
      And "Search.find" is executed <executions>
      And the failure has:
        | path  | value  |
        | /mode | <mode> |

      Examples:
        | code                  | retried | executions | mode              |
        | CONNECTION_REFUSED    | yes     | 2 times    | system_network    |
        | SERVICE_UNAVAILABLE   | yes     | 2 times    | resource_api      |
        | TOOL_ERROR            | yes     | 2 times    | resource_tool     |
        | RATE_LIMITED          | yes     | 2 times    | policy_rate_limit |
        | AGENT_TIMEOUT         | yes     | 2 times    | agent_timeout     |
        | VALIDATION_FAILED     | no      | 1 time     | agent_validation  |
        | PERSONALITY_NOT_FOUND | no      | 1 time     | agent_validation  |
        | EACCES                | no      | 1 time     | user_permission   |
        | CORRUPTION_DETECTED   | no      | 1 time     | agent_contract    |
        | ENOSPC                | no      | 1 time     | system_disk       |
        | UNAUTHENTICATED       | no      | 1 time     | policy_security   |
        | SOMETHING_ELSE        | no      | 1 time     | agent_logic       |

  Rule: Delays follow the policy

    @resilience-1
    Scenario Outline: Delays of the preset <preset>
      Given the retry policy "<preset>"
      And "Search.find" fails with "TRANSIENT_ERROR"
      When "Search.find" is called
      Then the call fails with "TRANSIENT_ERROR"
      And "Search.find" waits "<waits>" between executions
      And it takes <time>

      Examples:
        | preset       | waits                   | time   |
        | coordination | 100 ms, 200 ms          | 300 ms |
        | request      | 2 s, 4 s, 8 s           | 14 s   |
        | subscriber   | 1 s, 2 s                | 3 s    |
        | reconnect    | 1 s, 2 s, 4 s, 8 s, 16 s | 31 s  |
        | constant     | 2 s, 2 s, 2 s           | 6 s    |

    @resilience-1
    Scenario: A policy without retries allows one execution
      Given the retry policy "none"
      And "Search.find" fails with "TRANSIENT_ERROR"
      When "Search.find" is called
      Then the call fails with "TRANSIENT_ERROR"
      And "Search.find" is executed 1 time

    @resilience-1
    Scenario: Zero retries of an operation override the policy for every call
      Given every call is retried up to 3 times
      And "Search.find" is retried up to 0 times
      And "Search.find" fails with "TRANSIENT_ERROR"
      When "Search.find" is called
      Then the call fails with "TRANSIENT_ERROR"
      And "Search.find" is executed 1 time

    @resilience-1
    Scenario: Delays grow up to the cap
      Given the retry policy:
        | field      | value |
        | maxRetries | 5     |
        | base       | 1 s   |
        | multiplier | 3     |
        | cap        | 20 s  |
      And "Search.find" fails with "TRANSIENT_ERROR"
      When "Search.find" is called
      Then "Search.find" waits "1 s, 3 s, 9 s, 20 s, 20 s" between executions

    @resilience-1
    Scenario: A delay begins when the execution has failed
      Given the retry policy "coordination"
      And "Search.find" takes 250 ms
      And "Search.find" fails 2 times with "CONNECTION_RESET"
      When "Search.find" is called
      Then the call succeeds
      And it takes 1050 ms
      And "Search.find" waits "100 ms, 200 ms" between executions

  Rule: Retries can last for days

    @resilience-1
    Scenario: A service that is down for a day is retried every hour
      Given "Search" is down for 24 h
      And the retry policy:
        | field      | value |
        | maxRetries | 24    |
        | base       | 1 h   |
        | multiplier | 1     |
      When "Search.find" is called
      Then the call succeeds
      And it takes 24 h
      And "Search.find" is executed 25 times

    @resilience-1
    Scenario: Delays double for almost a month
      Given the retry policy:
        | field      | value |
        | maxRetries | 10    |
        | base       | 1 h   |
        | multiplier | 2     |
        | cap        | 168 h |
      And "Search.find" fails 10 times with "CONNECTION_REFUSED"
      When "Search.find" is called
      Then the call succeeds
      And "Search.find" waits "1 h, 2 h, 4 h, 8 h, 16 h, 32 h, 64 h, 128 h, 168 h, 168 h" between executions
      And it takes 591 h
