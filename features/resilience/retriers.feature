Feature: Retries by code
  A rate limit is over in a second, a restart in a minute. A retry policy can tell
  them apart with a list of retriers, each with the codes that it handles, its own
  count and its own delays. The first one that names a failure's code applies.

  Background:
    Given a service "Search"

  @resilience-1
  Scenario: Each retrier has its own count and delays
    Given "Search.find" is retried by code:
      | codes | maxRetries | base | multiplier |
      | A, B  | 2          | 1 s  | 2          |
      | C     | 2          | 5 s  |            |
    And "Search.find" answers:
      | execution | answer  |
      | 1         | error A |
      | 2         | error B |
      | 3         | error C |
      | 4         | error B |
    When "Search.find" is called
    Then the call fails with "B"
    And it takes 8 s
    And "Search.find" waits "1 s, 2 s, 5 s" between executions
    And the failure has:
      | path           | value |
      | /executions    | 4     |
      | /causes/0/code | A     |
      | /causes/1/code | B     |
      | /causes/2/code | C     |
    And the timeline has, in order:
      | at  | event           | execution | delay |
      | 0 s | retry_scheduled | 1         | 1 s   |
      | 1 s | retry_scheduled | 2         | 2 s   |
      | 3 s | retry_scheduled | 3         | 5 s   |

  @resilience-1
  Scenario: A code that no retrier names is not retried
    Given every call is retried by code:
      | codes        | maxRetries |
      | RATE_LIMITED | 5          |
    And "Search.find" answers:
      | execution | answer                 |
      | 1         | error RATE_LIMITED     |
      | 2         | error CONNECTION_RESET |
    When "Search.find" is called
    Then the call fails with "CONNECTION_RESET"
    And it takes 100 ms
    And "Search.find" is executed 2 times
    And the failure has:
      | path        | value                             |
      | /notRetried | no retrier names CONNECTION_RESET |

  @resilience-1
  Scenario: The first retrier that names a code applies
    Given every call is retried by code:
      | codes                      | maxRetries | base |
      | RATE_LIMITED               | 1          | 2 s  |
      | TOOL_ERROR, RATE_LIMITED   | 9          | 1 ms |
    And "Search.find" fails 2 times with "RATE_LIMITED"
    When "Search.find" is called
    Then the call fails with "RATE_LIMITED"
    And "Search.find" waits "2 s" between executions

  @resilience-1
  Scenario: A retrier has all fields of a retry policy, and may name a preset
    Given every call is retried by code:
      | codes        | preset   | maxRetries | cap | jitter |
      | RATE_LIMITED | worker   | 4          | 4 s | none   |
      | TOOL_ERROR   | constant |            |     |        |
    And "Search.find" answers:
      | execution | answer             |
      | 1-4       | error RATE_LIMITED |
      | 5         | error TOOL_ERROR   |
    When "Search.find" is called
    Then the call succeeds
    And "Search.find" waits "1 s, 2 s, 4 s, 4 s, 2 s" between executions

  @resilience-2
  Scenario: A retrier's jitter comes from the seed
    Given the seed 7
    And every call is retried by code:
      | codes        | maxRetries | base | jitter |
      | RATE_LIMITED | 3          | 1 s  | ±10 %  |
    And "Search.find" fails 3 times with "RATE_LIMITED"
    When "Search.find" is called
    Then the call succeeds
    And "Search.find" waits within "900 ms to 1100 ms, 1800 ms to 2200 ms, 3600 ms to 4400 ms" between executions
    And the timeline matches the snapshot

  @resilience-1
  Scenario: An operation's retriers override those of every call
    Given every call is retried by code:
      | codes        | maxRetries |
      | RATE_LIMITED | 5          |
    And "Search.find" is retried by code:
      | codes      | maxRetries |
      | TOOL_ERROR | 5          |
    And "Search.find" fails with "RATE_LIMITED"
    When "Search.find" is called
    Then the call fails with "RATE_LIMITED"
    And "Search.find" is executed 1 time

  @resilience-1
  Scenario: An operation's retry count applies to each of its retriers
    Given every call is retried by code:
      | codes        | maxRetries |
      | RATE_LIMITED | 5          |
      | TOOL_ERROR   | 5          |
    And "Search.find" is retried up to 1 time
    And "Search.find" answers:
      | execution | answer             |
      | 1         | error RATE_LIMITED |
      | 2-        | error TOOL_ERROR   |
    When "Search.find" is called
    Then the call fails with "TOOL_ERROR"
    And "Search.find" is executed 3 times

  @resilience-1
  Scenario: A workflow step declares its own retriers
    Given the workflow:
      """json
      {
        "id": "lookup",
        "steps": [
          {
            "id": "find", "service": "Search", "operation": "find",
            "retry": [
              { "codes": ["TIMEOUT"], "maxRetries": 0 },
              { "codes": ["RATE_LIMITED", "INDEX_BUSY"], "maxRetries": 2, "base": "3s", "multiplier": 1 }
            ]
          }
        ]
      }
      """
    And "Search.find" answers:
      | execution | answer             |
      | 1         | error RATE_LIMITED |
      | 2         | error INDEX_BUSY   |
    When the workflow runs
    Then the workflow completes
    And it takes 6 s
    And "Search.find" waits "3 s, 3 s" between executions

  @resilience-11
  Scenario: A breaker's refusals are retried by the retrier that names their code
    Given a circuit breaker on "Search" opening after 2 failures for 10 s
    And "Search.find" is retried by code:
      | codes               | maxRetries | base |
      | CONNECTION_RESET    | 1          | 1 s  |
      | SERVICE_UNAVAILABLE | 1          | 10 s |
    And "Search.find" fails 2 times with "CONNECTION_RESET"
    When "Search.find" is called
    Then the call fails with "CONNECTION_RESET"
    When "Search.find" is called
    Then the call succeeds
    And it takes 10 s
    And the calls are:
      | at   | call        | result           |
      | 0 s  | Search.find | CONNECTION_RESET |
      | 1 s  | Search.find | CONNECTION_RESET |
      | 11 s | Search.find | ok               |
