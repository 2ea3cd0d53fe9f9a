Feature: Bulkhead
  A bulkhead limits concurrent calls, so that a flood of unimportant calls cannot
  use up the capacity for important ones.

  @resilience-8 @needs-json-schema
  Scenario: Critical calls never wait for other calls
    Given the services from "agent-platform"
    And a bulkhead of 5 calls on "non-critical"
    And a bulkhead of 10 calls on "critical"
    When these calls are made at once:
      | call                                            | times | input                                                                                                       |
      | FileService.createFile                          | 10    | {"path": "notes.json", "content": "-", "overwriteExisting": true}                                           |
      | ValidationService.validateSystemConsistency     | 5     | {}                                                                                                          |
      | PersonalityService.validatePersonalityReference | 4     | {"personalityId": "creative-mentor"}                                                                        |
      | AgentService.createAgent                        | 4     | {"name": "Ada", "role": "software-mentor", "personalityId": "creative-mentor", "modelId": "standard-model"} |
    Then 23 calls succeed
    And it takes 260 ms
    And at most 5 calls to "non-critical" run at once
    And at most 8 calls to "critical" run at once
    And no call to "PersonalityService" starts after 0 ms
    And no call to "AgentService" starts after 0 ms
    And no call to "FileService" starts after 75 ms
    And no call to "ValidationService" starts after 150 ms

  @resilience-8 @needs-json-schema
  Scenario: Critical calls have their own limit
    Given the services from "agent-platform"
    And a bulkhead of 3 calls on "critical"
    When these calls are made at once:
      | call                                            | times | input                                                             |
      | FileService.createFile                          | 6     | {"path": "notes.json", "content": "-", "overwriteExisting": true} |
      | PersonalityService.validatePersonalityReference | 6     | {"personalityId": "creative-mentor"}                              |
    Then 12 calls succeed
    And it takes 200 ms
    And at most 3 calls to "critical" run at once
    And at most 6 calls to "non-critical" run at once
    And no call to "PersonalityService" starts after 100 ms

  @resilience-8
  Scenario: A bulkhead limits the concurrent calls of one service
    Given a service "Payments"
    And "Payments.charge" takes 100 ms
    And a bulkhead of 2 calls on "Payments"
    When "Payments.charge" is called 5 times at once
    Then 5 calls succeed
    And it takes 300 ms
    And the calls are:
      | at     | call            | execution | took   |
      | 0 ms   | Payments.charge | 1         | 100 ms |
      | 0 ms   | Payments.charge | 2         | 100 ms |
      | 100 ms | Payments.charge | 3         | 100 ms |
      | 100 ms | Payments.charge | 4         | 100 ms |
      | 200 ms | Payments.charge | 5         | 100 ms |

  @resilience-8
  Scenario: A full queue refuses immediately
    Given a service "Payments"
    And "Payments.charge" takes 100 ms
    And a bulkhead of 2 calls on "Payments" with a queue of 3
    When "Payments.charge" is called 10 times at once
    Then 5 calls succeed
    And 5 calls fail with "BULKHEAD_FULL"
    And "Payments.charge" is executed 5 times
    And it takes 300 ms
    And the failure has:
      | path        | value                                |
      | /message    | the bulkhead is full: 2 run, 3 wait  |
      | /mode       | resource_circuit                     |
      | /retryable  | true                                 |
      | /executions | 0                                    |
    And the timeline has, in order:
      | at   | event        | call            | by       | code          |
      | 0 ms | call_refused | Payments.charge | bulkhead | BULKHEAD_FULL |

  @resilience-8
  Scenario: A refusal uses up a retry but is not an execution
    Given a service "Payments"
    And "Payments.charge" takes 120 ms
    And every call is retried up to 2 times
    And a bulkhead of 1 call on "Payments" with a queue of 1
    When "Payments.charge" is called 4 times at once
    Then 4 calls succeed
    And it takes 540 ms
    And "Payments.charge" is executed 4 times
    And at most 1 call to "Payments" run at once

  @resilience-8 @needs-json-schema
  Scenario: Concurrent workflow runs share a bulkhead
    Given the services from "agent-platform"
    And the workflow "parallelServiceCoordination"
    And a bulkhead of 2 calls on "ConfigurationService"
    When the workflow runs 4 times at once
    Then the workflow completes
    And it takes 700 ms
    And at most 2 calls to "ConfigurationService" run at once

  @resilience-8 @needs-json-schema
  Scenario: A service may have a lower limit than its class
    Given the services from "agent-platform"
    And a bulkhead of 3 calls on "non-critical"
    And a bulkhead of 1 call on "FileService"
    When these calls are made at once:
      | call                   | times | input                                                             |
      | FileService.createFile | 3     | {"path": "notes.json", "content": "-", "overwriteExisting": true} |
    Then 3 calls succeed
    And it takes 225 ms
    And at most 1 call to "FileService" run at once

  @resilience-8
  Scenario: A bulkhead of one operation leaves the others alone
    Given a service "Search"
    And a bulkhead of 1 call on "Search.find"
    And "Search.find" takes 1 s
    And "Search.index" takes 1 s
    When these calls are made at once:
      | call         | times |
      | Search.find  | 2     |
      | Search.index | 1     |
    Then 3 calls succeed
    And it takes 2 s
    And at most 2 calls to "Search" run at once
