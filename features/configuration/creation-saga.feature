@needs-json-schema
Feature: Creating an agent as a saga
  Who holds something for later has to give it back when it comes to nothing.

  Background:
    Given the services from "agent-platform"
    And the workflow "agentCreationSaga"

  @configuration-1 @configuration-12
  Scenario: The agent exists, and reserves its personality and its role
    When the workflow runs
    Then the workflow completes
    And it takes 375 ms
    And the steps run in this order:
      | reservePersonality   |
      | reserveRole          |
      | createAgent          |
      | persistConfiguration |
    And "AgentService" holds the entity "lin"
    And the file "agents/lin.json" exists
    When "PersonalityService.reservePersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the call fails with "PERSONALITY_RESERVED"

  @configuration-1 @configuration-12
  Scenario: The second step fails, and the personality is released
    Given "RoleService.reserveRole" fails 1 time with "CONNECTION_RESET"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 175 ms
    And these compensations run in order:
      | RoleService.releaseRoleReservation               |
      | PersonalityService.releasePersonalityReservation |
    And no effect remains
    When "PersonalityService.reservePersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the call succeeds

  @configuration-1 @configuration-12
  Scenario: The fourth step fails, and every reservation is released
    Given the disk fails at "commit" with "EACCES"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 500 ms
    And the error is "EACCES" from "FileService.persistConfiguration"
    And these compensations run in order:
      | AgentService.deleteAgent                         |
      | RoleService.releaseRoleReservation               |
      | PersonalityService.releasePersonalityReservation |
    And no effect remains
    And no file is left behind
    And "AgentService" does not hold the entity "lin"
    When "PersonalityService.reservePersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the call succeeds
    When "RoleService.reserveRole" is called with:
      """json
      { "id": "software-mentor" }
      """
    Then the call succeeds

  @configuration-12
  Scenario: Of two concurrent sagas, the first succeeds and the other leaves nothing behind
    When the workflow runs 2 times at once
    Then the state of run "agentCreationSaga-1" has:
      | path    | value     |
      | /status | completed |
    And the state of run "agentCreationSaga-2" has:
      | path    | value                  |
      | /status | rolled_back            |
      | /failed | ["reservePersonality"] |
    And the error is "PERSONALITY_RESERVED" from "PersonalityService.reservePersonality"
    And "AgentService" holds the entity "lin"
    And "AgentService" does not hold the entity "lin-2"
    And the file "agents/lin.json" exists
    When "RoleService.reserveRole" is called with:
      """json
      { "id": "software-mentor" }
      """
    Then the call fails with "CUSTOM_ROLE_RESERVED"
