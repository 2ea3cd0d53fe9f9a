Feature: Failure rate
  On a busy service, a few consecutive failures mean little. What counts is the
  share of calls that fail or are slow.

  Background:
    Given a service "Search"

  @resilience-7
  Scenario: The breaker opens at exactly its threshold
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 10    |
      | minimumCalls         | 5     |
      | failureRateThreshold | 50 %  |
    And "Search.find" answers:
      | execution | answer                 |
      | 1-2       | ok                     |
      | 3-4       | error CONNECTION_RESET |
      | 5         | ok                     |
      | 6         | error CONNECTION_RESET |
    When "Search.find" is called 5 times
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the circuit breaker on "Search" is open
    When "Search.find" is called
    Then the call fails with "SERVICE_UNAVAILABLE"
    And "Search.find" is executed 6 times

  @resilience-7
  Scenario: The breaker stays closed below the minimum number of calls
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 10    |
      | minimumCalls         | 5     |
      | failureRateThreshold | 50 %  |
    And "Search.find" fails with "CONNECTION_RESET"
    When "Search.find" is called 4 times
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the circuit breaker on "Search" is open

  @resilience-7
  Scenario: A window of calls drops old calls
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 4     |
      | minimumCalls         | 4     |
      | failureRateThreshold | 50 %  |
    And "Search.find" answers:
      | execution | answer                 |
      | 1         | error CONNECTION_RESET |
      | 2-4       | ok                     |
      | 5         | error CONNECTION_RESET |
      | 6         | ok                     |
      | 7         | error CONNECTION_RESET |
    When "Search.find" is called 6 times
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the circuit breaker on "Search" is open

  @resilience-7
  Scenario: A window of time drops old calls
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 60 s  |
      | minimumCalls         | 3     |
      | failureRateThreshold | 50 %  |
    And "Search.find" answers:
      | execution | answer                 |
      | 1-2       | error CONNECTION_RESET |
      | 3-4       | ok                     |
      | 5         | error CONNECTION_RESET |
      | 6         | error CONNECTION_RESET |
    When "Search.find" is called 2 times
    And 61 s pass
    And "Search.find" is called 3 times
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the circuit breaker on "Search" is open

  @resilience-7
  Scenario: A call of exactly the window's age is no longer in it
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 60 s  |
      | minimumCalls         | 2     |
      | failureRateThreshold | 50 %  |
    And "Search.find" answers:
      | execution | answer                 |
      | 1         | error CONNECTION_RESET |
      | 2         | ok                     |
      | 3         | error CONNECTION_RESET |
    When "Search.find" is called
    And 60 s pass
    And "Search.find" is called
    Then the circuit breaker on "Search" is closed
    When 59999 ms pass
    And "Search.find" is called
    Then the circuit breaker on "Search" is open

  @resilience-7
  Scenario: Slow calls open the breaker even if they succeed
    Given a circuit breaker on "Search":
      | field                 | value |
      | window                | rate  |
      | slidingWindowSize     | 10    |
      | minimumCalls          | 4     |
      | slowCallDuration      | 1 s   |
      | slowCallRateThreshold | 50 %  |
    And "Search.find" answers:
      | execution | answer           |
      | 1-3       | after 1 s ok     |
      | 4-6       | after 1001 ms ok |
    When "Search.find" is called 5 times
    Then 5 calls succeed
    And the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the call succeeds
    And the circuit breaker on "Search" is open

  @resilience-7
  Scenario: No call is slow without a slow-call duration
    Given a circuit breaker on "Search":
      | field             | value |
      | window            | rate  |
      | slidingWindowSize | 4     |
      | minimumCalls      | 4     |
    And "Search.find" takes 20 s
    When "Search.find" is called 8 times
    Then the circuit breaker on "Search" is closed
    And it takes 160 s

  @resilience-7
  Scenario: A breaker that opened starts a new window
    Given a circuit breaker on "Search":
      | field                | value |
      | window               | rate  |
      | slidingWindowSize    | 4     |
      | minimumCalls         | 4     |
      | failureRateThreshold | 50 %  |
      | recovery             | 10 s  |
      | successThreshold     | 1     |
    And "Search.find" answers:
      | execution | answer                 |
      | 1-4       | error CONNECTION_RESET |
      | 5-6       | ok                     |
      | 7-9       | error CONNECTION_RESET |
    When "Search.find" is called 4 times
    Then the circuit breaker on "Search" is open
    When 10 s pass
    And "Search.find" is called
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called 3 times
    Then the circuit breaker on "Search" is closed
    When "Search.find" is called
    Then the circuit breaker on "Search" is open

  @resilience-7
  Scenario: A slow probe reopens the breaker
    Given a circuit breaker on "Search":
      | field                 | value |
      | window                | rate  |
      | slidingWindowSize     | 2     |
      | minimumCalls          | 2     |
      | slowCallDuration      | 1 s   |
      | slowCallRateThreshold | 100 % |
      | recovery              | 10 s  |
    And "Search.find" answers:
      | execution | answer       |
      | 1-2       | after 2 s ok |
      | 3         | after 2 s ok |
    When "Search.find" is called 2 times
    Then the circuit breaker on "Search" is open
    When 10 s pass
    And "Search.find" is called
    Then the call succeeds
    And the circuit breaker on "Search" is open
