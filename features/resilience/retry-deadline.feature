Feature: Retries within a deadline
  A retry after the deadline is useless, so waiting for it only delays the result.
  Near the deadline the last failure is reported immediately.

  Background:
    Given a service "Search"
    And a service "Ledger"
    And the workflow:
      """json
      {
        "id": "report",
        "steps": [
          { "id": "open", "service": "Ledger", "operation": "open", "compensation": "close" },
          { "id": "find", "service": "Search", "operation": "find" }
        ]
      }
      """

  @resilience-12
  Scenario: A retry after the deadline is not waited for
    Given the workflow must finish within 1 s
    And "Search.find" is retried up to 5 times
    And "Search.find" fails with "CONNECTION_REFUSED"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 700 ms
    And the error is "CONNECTION_REFUSED" from "Search.find"
    And "Search.find" waits "100 ms, 200 ms, 400 ms" between executions
    And the outcome has:
      | path              | value                                      |
      | /error/executions | 4                                          |
      | /error/notRetried | the next try would start after the deadline |
    And these compensations run in order:
      | Ledger.close |
    And no effect remains

  @resilience-12
  Scenario: A retry at exactly the deadline is executed
    Given the workflow must finish within 700 ms
    And "Search.find" is retried up to 5 times
    And "Search.find" fails 3 times with "CONNECTION_REFUSED"
    When the workflow runs
    Then the workflow completes
    And it takes 700 ms

  @resilience-12
  Scenario: The deadline ends a running retry
    Given the workflow must finish within 500 ms
    And "Search.find" is retried up to 5 times
    And "Search.find" answers:
      | execution | answer                          |
      | 1         | after 150 ms error NETWORK_TIMEOUT |
      | 2         | hang                            |
    When the workflow runs
    Then the workflow is rolled back
    And it takes 500 ms
    And the error is "WORKFLOW_TIMEOUT" from "Search.find"
    And the calls are:
      | at     | call         | execution | took   | result           |
      | 0 ms   | Ledger.open  | 1         | 0 ms   | ok               |
      | 0 ms   | Search.find  | 1         | 150 ms | NETWORK_TIMEOUT  |
      | 250 ms | Search.find  | 2         | 250 ms | WORKFLOW_TIMEOUT |
      | 500 ms | Ledger.close | 1         | 0 ms   | ok               |
    And the outcome has:
      | path                 | value           |
      | /error/executions    | 2               |
      | /error/causes/0/code | NETWORK_TIMEOUT |
