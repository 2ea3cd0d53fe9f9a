Feature: Availability
  Services go down and come back, some after a moment, some after a night.
  Whatever depends on them has to survive that.

  @needs-json-schema
  Scenario: A call to a service that is down fails immediately
    Given the services from "agent-platform"
    And "AgentService" is down
    When "AgentService.createAgent" is called
    Then the call fails with "SERVICE_UNAVAILABLE"
    And it takes 0 ms
    And "AgentService.createAgent" is executed 1 time
    And the failure has:
      | path     | value                |
      | /message | AgentService is down |
      | /mode    | resource_api         |

  Scenario: A service is available again after its downtime
    Given a service "Payments"
    And "Payments" is down for 8 h
    When 7 h pass
    And "Payments.charge" is called
    Then the call fails with "SERVICE_UNAVAILABLE"
    When 1 h passes
    And "Payments.charge" is called
    Then the call succeeds

  Scenario: A service comes back on request
    Given a service "Payments"
    And "Payments" is down
    When "Payments.charge" is called
    Then the call fails with "SERVICE_UNAVAILABLE"
    When "Payments" comes back
    And "Payments.charge" is called
    Then the call succeeds

  @needs-json-schema
  Scenario: A service goes down between two steps
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    When the workflow starts
    And 300 ms pass
    And "FileService" goes down
    And the workflow ends
    Then the workflow is rolled back
    And the error is "SERVICE_UNAVAILABLE" from "FileService.createFile"
    And it takes 275 ms
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And no effect remains

  @needs-json-schema
  Scenario: A service that is down for a night delays the workflow until the morning
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And "AgentService" is down for 8 h
    And the retry policy:
      | field      | value  |
      | maxRetries | 24     |
      | base       | 30 min |
      | multiplier | 1      |
    When the workflow runs
    Then the workflow completes
    And "AgentService.createAgent" is executed 17 times
    And it takes at most 9 h
    And the outcome has:
      | path  | value    |
      | /took | 8 h 525 ms |

  @needs-json-schema
  Scenario: A slow service takes longer for every operation
    Given the services from "agent-platform"
    And "FileService" is slowed by 1 s
    And "FileService.updateFile" takes 30 ms
    And "FileService.deleteFile" answers:
      | execution | answer         |
      | 1         | after 20 ms ok |
    When "FileService.createFile" is called
    And "FileService.updateFile" is called
    And "FileService.deleteFile" is called
    Then the calls are:
      | at      | call                   | took    |
      | 0 ms    | FileService.createFile | 1075 ms |
      | 1075 ms | FileService.updateFile | 1030 ms |
      | 2105 ms | FileService.deleteFile | 1020 ms |
