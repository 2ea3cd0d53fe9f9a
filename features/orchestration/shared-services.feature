@needs-json-schema
Feature: Workflows that share services
  Many workflows run concurrently on services with limited capacity. They wait for each
  other, never for ever, and are still much faster than sequential runs.

  Background:
    Given the services from "agent-platform"
    And a bulkhead of 3 calls on "PersonalityService"
    And a bulkhead of 2 calls on "RoleService"
    And a bulkhead of 4 calls on "AgentService"
    And a bulkhead of 2 calls on "FileService"
    And the workflow:
      """json
      {
        "id": "creation",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "validatePersonalityConfiguration",
            "input": { "id": "creative-mentor" } },
          { "id": "role", "service": "RoleService", "operation": "validateRoleCapabilities",
            "input": { "id": "software-mentor" } },
          { "id": "agent", "service": "AgentService", "operation": "createAgent", "compensation": "deleteAgent",
            "input": { "name": "Ada", "role": "${/role/id}", "personalityId": "${/personality/id}", "modelId": "standard-model" } },
          { "id": "file", "service": "FileService", "operation": "createFile", "compensation": "deleteFile",
            "input": { "path": "agents/newest.json", "content": "${/agent}", "overwriteExisting": true } }
        ]
      }
      """

  @orchestration-18
  Scenario: One workflow takes as long as its steps
    When the workflow runs
    Then the workflow completes
    And it takes 525 ms

  @orchestration-18
  Scenario: Ten concurrent workflows take less than six sequential ones
    When the workflow runs 10 times at once
    Then the workflow completes
    And it takes 975 ms
    And at most 3 calls to "PersonalityService" run at once
    And at most 2 calls to "RoleService" run at once
    And at most 4 calls to "AgentService" run at once
    And at most 2 calls to "FileService" run at once
    And "AgentService.createAgent" is executed 10 times
    And "FileService.createFile" is executed 10 times
    And no effect happens twice

  @orchestration-18
  Scenario: One failing workflow of ten makes room for the others
    Given "AgentService.createAgent" answers:
      | execution | answer                     |
      | 4         | error AGENT_CREATION_ERROR |
      | 7         | after 2 s ok               |
    When the workflow runs 10 times at once
    Then it takes at most 5.25 s
    And "FileService.createFile" is executed 9 times
    And no effect happens twice
