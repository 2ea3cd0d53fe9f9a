Feature: Jitter
  Callers with the same delays retry all at the same time. Random jitter spreads
  them out, and a seed makes it repeatable.

  Background:
    Given a service "Search"
    And "Search.find" fails with "NETWORK_TIMEOUT"

  @resilience-2
  Scenario Outline: Delays with the seed <seed> stay in their ranges
    Given the retry policy "coordination-jittered"
    And the seed <seed>
    When "Search.find" is called
    Then "Search.find" waits within "75 ms to 125 ms, 150 ms to 250 ms, 300 ms to 500 ms" between executions
    And it takes at most 875 ms
    And "Search.find" is executed 4 times

    Examples:
      | seed |
      | 0    |
      | 1    |
      | 2    |
      | 3    |
      | 1234 |

  @resilience-2
  Scenario Outline: The seed <seed> always gives the same delays
    Given the retry policy "coordination-jittered"
    And the seed <seed>
    When "Search.find" is called
    Then "Search.find" waits "<waits>" between executions

    Examples:
      | seed | waits                  |
      | 1    | 93 ms, 229 ms, 426 ms  |
      | 7    | 115 ms, 163 ms, 391 ms |

  @resilience-2
  Scenario: Jitter never exceeds the cap
    Given the retry policy:
      | field      | value  |
      | maxRetries | 4      |
      | base       | 1 s    |
      | multiplier | 1      |
      | cap        | 1 s    |
      | jitter     | ±50 %  |
    When "Search.find" is called
    Then "Search.find" waits within "500 ms to 1 s, 500 ms to 1 s, 500 ms to 1 s, 500 ms to 1 s" between executions

  @resilience-2
  Scenario Outline: Ranges of <kind> jitter
    Given the retry policy:
      | field      | value  |
      | preset     | worker |
      | jitter     | <kind> |
    When "Search.find" is called
    Then "Search.find" waits within "<ranges>" between executions

    Examples:
      | kind  | ranges                                            |
      | ±10 % | 900 ms to 1100 ms, 1800 ms to 2200 ms, 3600 ms to 4400 ms |
      | equal | 500 ms to 1 s, 1 s to 2 s, 2 s to 4 s             |
      | full  | 0 ms to 1 s, 0 ms to 2 s, 0 ms to 4 s             |
      | none  | 1 s to 1 s, 2 s to 2 s, 4 s to 4 s                |
