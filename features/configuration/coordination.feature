@needs-configuration
Feature: Workflows that ConfigurationService coordinates
  The service runs workflows over the others, in its own name. What fails is undone once in each service, and of two
  transactions on the same version the first wins.

  Background:
    Given the services from "agent-platform"
    And "ConfigurationService" keeps configurations
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """

  @configuration-1 @configuration-12
  Scenario: A workflow is coordinated, and its state can be read
    When "ConfigurationService.coordinateWorkflow" is called with:
      """json
      { "id": "completeAgentCreation", "run": "creation" }
      """
    Then the reply has:
      | path                      | value                  |
      | /status                   | completed              |
      | /run                      | creation               |
      | /took                     | 525ms                  |
      | /data/createAgent/version | 1                      |
    And it takes 525 ms
    And "AgentService" holds the entity "ada"
    And the timeline has, in order:
      | event        | caller               | call                     | run      |
      | call_started | ConfigurationService | AgentService.createAgent | creation |
    When "ConfigurationService.getWorkflowState" is called with:
      """json
      { "run": "creation" }
      """
    Then the reply has:
      | path       | value                                                              |
      | /status    | completed                                                          |
      | /completed | ["validatePersonality", "validateRole", "createAgent", "createFile"] |
    When "ConfigurationService.getWorkflowState" is called with:
      """json
      { "run": "another" }
      """
    Then the reply is:
      """json
      null
      """

  @configuration-12
  Scenario Outline: A transaction that fails with <code> is undone once in each service
    Given "<call>" fails with "<code>"
    When "ConfigurationService.coordinateWorkflow" is called with:
      """json
      {
        "id": "transaction",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "updatePersonality",
            "input": { "id": "creative-mentor", "name": "Creative Muse" }, "compensation": "rollbackPersonality" },
          { "id": "role", "service": "RoleService", "operation": "createCustomRole",
            "input": { "name": "Muse", "description": "Inspires.", "capabilities": ["ideas"] }, "compensation": "deleteCustomRole" },
          { "id": "configuration", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration",
            "input": { "id": "ada", "version": 1, "creativity": 85 }, "compensation": "rollbackConfiguration" },
          { "id": "model", "service": "ModelService", "operation": "validateCompatibility" }
        ]
      }
      """
    Then the reply has:
      | path             | value       |
      | /status          | rolled_back |
      | /error/code      | <code>      |
      | /error/retryable | <retryable> |
    And "PersonalityService.rollbackPersonality" is executed <personality> times
    And "RoleService.deleteCustomRole" is executed <role> times
    And "ConfigurationService.rollbackConfiguration" is executed <configuration> times
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value           |
      | /version | 1               |
      | /name    | Creative Mentor |
    And "RoleService" does not hold the entity "muse"
    And the configuration "ada" has:
      | path        | value |
      | /creativity | 75    |

    Examples:
      | call                                            | code                | retryable | personality | role | configuration |
      | PersonalityService.updatePersonality            | VALIDATION_FAILED   | false     | 0           | 0    | 0             |
      | RoleService.createCustomRole                    | NETWORK_TIMEOUT     | true      | 1           | 1    | 0             |
      | ConfigurationService.updateUnifiedConfiguration | SERVICE_UNAVAILABLE | true      | 1           | 1    | 0             |
      | ModelService.validateCompatibility              | INVALID_MODEL       | false     | 1           | 1    | 1             |

  @configuration-12
  Scenario: If the rollback fails too, both errors are reported
    Given "ModelService.validateCompatibility" fails with "INVALID_MODEL"
    And "ConfigurationService.rollbackConfiguration" fails with "PERMANENT_ERROR"
    When "ConfigurationService.coordinateWorkflow" is called with:
      """json
      {
        "id": "transaction",
        "steps": [
          { "id": "configuration", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration",
            "input": { "id": "ada", "version": 1, "creativity": 85 }, "compensation": "rollbackConfiguration" },
          { "id": "model", "service": "ModelService", "operation": "validateCompatibility" }
        ]
      }
      """
    Then the reply has:
      | path                        | value           |
      | /status                     | failed          |
      | /error/code                 | INVALID_MODEL   |
      | /compensations/0/error/code | PERMANENT_ERROR |
    And "ConfigurationService.rollbackConfiguration" is executed 1 time
    And the configuration "ada" has:
      | path        | value |
      | /version    | 2     |
      | /creativity | 85    |

  @configuration-12
  Scenario: Of two concurrent transactions on the same version, the first wins
    When these calls are made at once:
      | call                                    | input                                                                                                                                                                                                                                                                                                                                                                                                       |
      | ConfigurationService.coordinateWorkflow | {"id": "first", "steps": [{"id": "role", "service": "RoleService", "operation": "createCustomRole", "input": {"id": "one", "name": "One", "description": "One.", "capabilities": ["x"]}, "compensation": "deleteCustomRole"}, {"id": "ada", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration", "input": {"id": "ada", "version": 1, "creativity": 85}, "compensation": "rollbackConfiguration"}]} |
      | ConfigurationService.coordinateWorkflow | {"id": "second", "steps": [{"id": "role", "service": "RoleService", "operation": "createCustomRole", "input": {"id": "two", "name": "Two", "description": "Two.", "capabilities": ["x"]}, "compensation": "deleteCustomRole"}, {"id": "ada", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration", "input": {"id": "ada", "version": 1, "creativity": 95}, "compensation": "rollbackConfiguration"}]} |
    Then 2 calls succeed
    And the reply has:
      | path           | value                                                                                        |
      | /workflow      | second                                                                                       |
      | /status        | rolled_back                                                                                  |
      | /error/code    | CONCURRENT_MODIFICATION                                                                      |
      | /error/message | configuration "ada" is at version 2, not 1: second-1/ada conflicts with first-1/ada          |
    And "RoleService" holds the entity "one"
    And "RoleService" does not hold the entity "two"
    And "RoleService.deleteCustomRole" is executed 1 time
    And the configuration "ada" has:
      | path        | value |
      | /version    | 2     |
      | /creativity | 85    |
    And it takes 320 ms

  @configuration-6 @configuration-12
  Scenario Outline: Of fifty concurrent workflows over shared entities no update is lost, <when>
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": { "merge": { "depth": "average", "height": "maximum" } } }
      """
    And the configuration "shared":
      """json
      { "depth": 0, "height": 0 }
      """
    And a bulkhead of 3 calls on "PersonalityService"
    And "EventStore.append" takes <append>
    And the workflow:
      """json
      {
        "id": "update",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "updatePersonality",
            "input": { "id": "creative-mentor", "description": "Changed." }, "compensation": "rollbackPersonality" },
          { "id": "agent", "service": "AgentService", "operation": "createAgent", "compensation": "deleteAgent",
            "input": { "name": "Ada", "role": "software-mentor", "personalityId": "creative-mentor", "modelId": "standard-model" } },
          { "id": "file", "service": "FileService", "operation": "createFile", "compensation": "deleteFile",
            "input": { "path": "${/agent/id}", "content": "${/agent}" } },
          { "id": "shared", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration",
            "input": "${/input}", "compensation": "rollbackConfiguration" }
        ]
      }
      """
    When these calls are made at once:
      | call                                    | times | input                                                                               |
      | ConfigurationService.coordinateWorkflow | 25    | {"id": "update", "input": {"id": "shared", "version": 1, "depth": 34, "height": 1}} |
      | ConfigurationService.coordinateWorkflow | 24    | {"id": "update", "input": {"id": "shared", "version": 1, "depth": 68, "height": 2}} |
      | ConfigurationService.coordinateWorkflow | 1     | {"id": "update", "input": {"id": "shared", "version": 1, "depth": 68, "height": 9}} |
    Then 50 calls succeed
    And the configuration "shared" has:
      | path     | value |
      | /version | 51    |
      | /depth   | 50    |
      | /height  | 9     |
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value |
      | /version | 51    |
    And "AgentService" holds the entity "ada-50"
    And "AgentService" does not hold the entity "ada-51"
    And the file "ada-50" exists
    And "EventStore.append" is executed <appends> times
    And no effect happens twice

    Examples:
      | when                   | append | appends |
      | appended sequentially  | 0 ms   | 52      |
      | and all append at once | 10 ms  | 101     |

  @configuration-12
  Scenario Outline: A coordination is refused: <why>
    When "ConfigurationService.coordinateWorkflow" is called with:
      """json
      { "id": "completeAgentCreation", "run": "creation" }
      """
    And "ConfigurationService.coordinateWorkflow" is called with:
      """json
      <input>
      """
    Then the call fails with "<code>"
    And the failure has:
      | path     | value     |
      | /field   | <field>   |
      | /service | <service> |

    Examples:
      | why                        | input                                                                                     | code                    | field            | service              |
      | there is no such workflow  | {"id": "completeAgentCreatoin"}                                                           | INVALID_WORKFLOW        | id               | ConfigurationService |
      | the run id is taken        | {"id": "completeAgentCreation", "run": "creation"}                                        | WORKFLOW_ALREADY_EXISTS |                  | ConfigurationService |
      | there is no such operation | {"id": "own", "steps": [{"id": "a", "service": "RoleService", "operation": "getCustomRol"}]} | OPERATION_NOT_FOUND  | /steps/0/operation | ConfigurationService |
      | there are no steps         | {"id": "own", "steps": []}                                                                | INVALID_WORKFLOW        | /steps           | ConfigurationService |
      | a step has an unknown field | {"id": "own", "steps": [{"id": "a", "servce": "RoleService"}]}                           | INVALID_WORKFLOW        | /steps/0/servce  | ConfigurationService |
      | a field is unknown         | {"id": "own", "step": []}                                                                 | VALIDATION_FAILED       | /step            | ConfigurationService |
