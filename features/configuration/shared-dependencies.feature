@needs-json-schema
Feature: Agents with shared dependencies
  Five agents are created at once. Two have the same personality, two need a role that only one agent at a time may hold,
  and the fifth depends on the first. The services take only so many calls.

  Background:
    Given the services from "agent-platform"
    And a bulkhead of 3 calls on "PersonalityService"
    And the workflow "sharedDependencies"

  @configuration-4
  Scenario: All dependencies are resolved within 800 ms, in strict order and within the limits
    When the workflow runs
    Then the workflow completes
    And it takes at most 800 ms
    And it takes 575 ms
    And at most 3 calls to "PersonalityService" run at once
    And the timeline has, in order:
      | at     | event        | call                                            | run                  | step              | result               |
      | 0 ms   | call_started | PersonalityService.validatePersonalityReference | sharedDependencies-1 | checkPersonality3 |                      |
      | 50 ms  | call_ended   | RoleService.reserveRole                         | sharedDependencies-1 | reserveRole3      | ok                   |
      | 50 ms  | call_ended   | RoleService.reserveRole                         | sharedDependencies-1 | reserveRole4      | CUSTOM_ROLE_RESERVED |
      | 100 ms | call_started | PersonalityService.validatePersonalityReference | sharedDependencies-1 | checkPersonality4 |                      |
      | 100 ms | call_started | PersonalityService.validatePersonalityReference | sharedDependencies-1 | checkPersonality5 |                      |
      | 300 ms | call_ended   | AgentService.createAgent                        | sharedDependencies-1 | createAgent1      | ok                   |
      | 300 ms | call_ended   | AgentService.createAgent                        | sharedDependencies-1 | createAgent2      | ok                   |
      | 300 ms | call_ended   | AgentService.createAgent                        | sharedDependencies-1 | createAgent3      | ok                   |
      | 300 ms | call_started | AgentService.createAgent                        | sharedDependencies-1 | createAgent5      |                      |
      | 325 ms | call_ended   | RoleService.releaseRoleReservation              | sharedDependencies-1 | releaseRole3      | ok                   |
      | 350 ms | call_ended   | RoleService.reserveRole                         | sharedDependencies-1 | reserveRole4      | ok                   |
      | 500 ms | call_ended   | AgentService.createAgent                        | sharedDependencies-1 | createAgent5      | ok                   |
      | 550 ms | call_ended   | AgentService.createAgent                        | sharedDependencies-1 | createAgent4      | ok                   |
      | 575 ms | call_ended   | RoleService.releaseRoleReservation              | sharedDependencies-1 | releaseRole4      | ok                   |
    And the entity "agent-1" of "AgentService" has:
      | path           | value           |
      | /personalityId | creative-mentor |
    And the entity "agent-2" of "AgentService" has:
      | path           | value           |
      | /personalityId | creative-mentor |
    And the entity "agent-3" of "AgentService" has:
      | path  | value   |
      | /role | manager |
    And the entity "agent-4" of "AgentService" has:
      | path  | value   |
      | /role | manager |
    And the entity "agent-5" of "AgentService" has:
      | path       | value   |
      | /dependsOn | agent-1 |
    And the timeline has none of:
      | event   |
      | warning |
      | error   |

  @configuration-4
  Scenario: If the first agent cannot be created, the fifth is not, and the others are undone
    Given "AgentService.createAgent" fails 1 time with "AGENT_CREATION_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "AGENT_CREATION_ERROR" from "AgentService.createAgent"
    And "AgentService.createAgent" is executed 3 times
    And the state of the workflow has:
      | path         | value                                          |
      | /failed      | ["reserveRole4", "createAgent1"]               |
      | /compensated | ["reserveRole3", "createAgent2", "createAgent3"] |
    And no effect remains
    And "AgentService" does not hold the entity "agent-2"
    And "AgentService" does not hold the entity "agent-3"
    And "AgentService" does not hold the entity "agent-5"
    When "RoleService.reserveRole" is called with:
      """json
      { "id": "manager" }
      """
    Then the call succeeds

  @configuration-4
  Scenario: A role that somebody holds is waited for, for five seconds
    When "RoleService.reserveRole" is called with:
      """json
      { "id": "manager" }
      """
    And the workflow runs
    Then the workflow is rolled back
    And the error is "CUSTOM_ROLE_RESERVED" from "RoleService.reserveRole"
    And the outcome has:
      | path              | value |
      | /error/executions | 67    |
    And no call to "RoleService" starts after 5 s
    And the timeline has, in order:
      | at      | event      | step         | status |
      | 5050 ms | step_ended | reserveRole3 | failed |
    And "AgentService" does not hold the entity "agent-1"
    And "AgentService" does not hold the entity "agent-3"

  @configuration-4 @configuration-8
  Scenario: An agent, a personality and a role that others depend on are not deleted
    When the workflow runs
    And "AgentService.deleteAgent" is called with:
      """json
      { "id": "agent-1" }
      """
    Then the call fails with "REFERENTIAL_INTEGRITY_VIOLATION"
    And the failure has:
      | path     | value                                               |
      | /message | Agent "agent-1" has 1 dependent: Agent "agent-5"    |
    When "RoleService.deleteCustomRole" is called with:
      """json
      { "id": "manager" }
      """
    Then the call fails with "REFERENTIAL_INTEGRITY_VIOLATION"
    And the failure has:
      | path     | value                                                                      |
      | /message | CustomRole "manager" has 2 dependents: Agent "agent-3", Agent "agent-4"    |
