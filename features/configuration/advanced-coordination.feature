@needs-json-schema
Feature: Coordination over longer spans
  Phases follow each other, workflows share what there is too little of, and some of it fails. What it takes is the sum of
  its calls, and nothing is added by coordinating them.

  Background:
    Given the services from "agent-platform"

  Rule: Phases

    @configuration-16
    Scenario: An agent is created, changed and deleted in 1025 ms
      Given the workflow:
        """json
        {
          "id": "lifecycle",
          "steps": [
            { "id": "creation", "workflow": "completeAgentCreation", "expectedDuration": "525ms" },
            { "id": "modification", "expectedDuration": "300ms", "workflow": {
              "id": "modification",
              "steps": [
                { "id": "personality", "service": "PersonalityService", "operation": "updatePersonality",
                  "input": { "id": "creative-mentor", "name": "Creative Muse" }, "compensation": "rollbackPersonality" },
                { "id": "agent", "service": "AgentService", "operation": "updateAgentConfiguration",
                  "input": { "id": "ada", "name": "Ada Lovelace" }, "compensation": "resetAgentState" }
              ]
            } },
            { "id": "deletion", "expectedDuration": "200ms", "workflow": {
              "id": "deletion",
              "steps": [
                { "id": "check", "service": "ValidationService", "operation": "validateDependencies", "input": { "id": "ada" } },
                { "id": "read", "service": "FileService", "operation": "readFile", "input": { "path": "agents/ada.json" } },
                { "id": "file", "service": "FileService", "operation": "deleteFile", "input": { "path": "agents/ada.json" },
                  "compensation": "restoreFile" },
                { "id": "agent", "service": "AgentService", "operation": "deleteAgent", "input": { "id": "ada" },
                  "compensation": "rollbackAgent" }
              ]
            } }
          ]
        }
        """
      When the workflow runs
      Then the workflow completes
      And it takes at most 3 s
      And it takes 1025 ms
      And the timeline has, in order:
        | at      | event      | step         | status    | took   |
        | 525 ms  | step_ended | creation     | completed | 525 ms |
        | 825 ms  | step_ended | modification | completed | 300 ms |
        | 1025 ms | step_ended | deletion     | completed | 200 ms |
      And "AgentService" does not hold the entity "ada"
      And the file "agents/ada.json" does not exist
      And the timeline has none of:
        | event   |
        | warning |
        | error   |

    @configuration-16
    Scenario Outline: A configuration is imported, validated, transformed and deployed, when <phase> takes <takes>: <status>
      Given a service "ConfigurationManager"
        """json
        {
          "operations": {
            "import": { "latency": "400ms" }, "validate": { "latency": "500ms" },
            "transform": { "latency": "300ms" }, "deploy": { "latency": "600ms" }, "withdraw": {}
          }
        }
        """
      And the workflow:
        """json
        {
          "id": "management",
          "steps": [
            { "id": "import", "service": "ConfigurationManager", "operation": "import", "within": "500ms", "compensation": "withdraw" },
            { "id": "validate", "service": "ConfigurationManager", "operation": "validate", "within": "600ms" },
            { "id": "transform", "service": "ConfigurationManager", "operation": "transform", "within": "400ms" },
            { "id": "deploy", "service": "ConfigurationManager", "operation": "deploy", "within": "700ms" }
          ]
        }
        """
      And the workflow must finish within 2 s
      And "ConfigurationManager.<phase>" takes <takes>
      When the workflow runs
      Then the workflow <ends>
      And it takes <time>

      Examples:
        | phase     | takes  | status      | ends           | time    |
        | import    | 400 ms | completed   | completes      | 1800 ms |
        | import    | 500 ms | completed   | completes      | 1900 ms |
        | validate  | 600 ms | completed   | completes      | 1900 ms |
        | transform | 400 ms | completed   | completes      | 1900 ms |
        | deploy    | 700 ms | completed   | completes      | 1900 ms |
        | import    | 501 ms | rolled back | is rolled back | 500 ms  |
        | validate  | 601 ms | rolled back | is rolled back | 1000 ms |
        | transform | 401 ms | rolled back | is rolled back | 1300 ms |
        | deploy    | 701 ms | rolled back | is rolled back | 1900 ms |

    @configuration-16
    Scenario Outline: A conflict with an external system is resolved by priority, or else by a person: <ends>
      Given a service "Directory"
        """json
        { "operations": { "fetch": { "latency": "800ms" }, "publish": { "latency": "600ms" } } }
        """
      And the workflow:
        """json
        {
          "id": "integration",
          "onFailure": "keep",
          "steps": [
            { "id": "fetch", "service": "Directory", "operation": "fetch" },
            { "id": "join", "service": "ConfigurationService", "operation": "createUnifiedConfiguration",
              "recover": ["analyzeConflicts", "generateAlternativeConfiguration"] },
            { "id": "publish", "service": "Directory", "operation": "publish" }
          ]
        }
        """
      And "ConfigurationService.createUnifiedConfiguration" fails 1 time with "CONFIGURATION_CONFLICT"
      And "ConfigurationService.generateAlternativeConfiguration" answers:
        | execution | answer   |
        | 1         | <answer> |
      When the workflow runs
      Then the workflow <ends>
      And it takes at most 2500 ms
      And it takes <time>
      And "Directory.publish" is executed <published> times
      When <decision>
      Then "Directory.publish" is executed <after> time
      And "Directory.fetch" is executed 1 time

      Examples:
        | answer                       | ends                      | time    | published | decision             | after |
        | ok                           | completes                 | 1850 ms | 1         | 1 d passes           | 1     |
        | error CONFIGURATION_CONFLICT | is interrupted            | 1250 ms | 0         | the workflow resumes | 1     |

  Rule: Limits

    @configuration-16
    Scenario Outline: The workflow <workflow> ends within two seconds and its interactions within half a second: it takes <time>
      Given every call times out after 500 ms
      And the workflow "<workflow>"
      And the workflow must finish within 2 s
      When the workflow runs
      Then the workflow completes
      And it takes <time>
      And the timeline has none of:
        | event   |
        | warning |
        | error   |

      Examples:
        | workflow                    | time   |
        | completeAgentCreation       | 525 ms |
        | partialAgentCreation        | 525 ms |
        | complexConfigurationUpdate  | 620 ms |
        | parallelServiceCoordination | 450 ms |
        | agentCreationSaga           | 375 ms |
        | sharedDependencies          | 575 ms |
        | cascadingUpdate             | 450 ms |

    @configuration-12 @configuration-16
    Scenario Outline: The workflow <workflow> is undone within half a second, in <undo>
      Given the workflow "<workflow>"
      And "<call>" fails with "<code>"
      When the workflow runs
      Then the workflow is rolled back
      And it takes <time>
      And the timeline has, in order:
        | at       | event                | status      | took   |
        | <failed> | compensation_started |             |        |
        | <time>   | workflow_ended       | rolled_back | <time> |
      And no effect remains
      And the files are:
        | agents/grace.json |

      Examples:
        | workflow                   | call                                        | code               | failed | undo   | time   |
        | completeAgentCreation      | FileService.createFile                      | EACCES             | 525 ms | 125 ms | 650 ms |
        | partialAgentCreation       | FileService.createFile                      | EACCES             | 525 ms | 200 ms | 725 ms |
        | complexConfigurationUpdate | ValidationService.validateSystemConsistency | CONTRACT_VIOLATION | 620 ms | 260 ms | 880 ms |
        | agentCreationSaga          | FileService.persistConfiguration            | ENOSPC             | 375 ms | 125 ms | 500 ms |
        | cascadingUpdate            | FileService.updateConfigurationFile         | ENOSPC             | 450 ms | 175 ms | 625 ms |

  Rule: Workflows that share services

    Background:
      Given the workflow:
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
            { "id": "file", "service": "FileService", "operation": "createFile", "compensation": "deleteFile", "optional": true,
              "input": { "path": "${/agent/id}", "content": "${/agent}" } },
            { "id": "check", "service": "ConfigurationService", "operation": "validateUnifiedConfiguration" }
          ]
        }
        """

    @configuration-16 @orchestration-18
    Scenario Outline: <runs> at once, with three places for personalities, two for roles, four for agents, two for files and one for configurations
      Given a bulkhead of 3 calls on "PersonalityService"
      And a bulkhead of 2 calls on "RoleService"
      And a bulkhead of 4 calls on "AgentService"
      And a bulkhead of 2 calls on "FileService"
      And a bulkhead of 1 call on "ConfigurationService"
      When the workflow runs <runs> times at once
      Then the workflow completes
      And it takes <time>
      And at most 3 calls to "PersonalityService" run at once
      And at most 2 calls to "RoleService" run at once
      And at most 4 calls to "AgentService" run at once
      And at most 2 calls to "FileService" run at once
      And at most 1 call to "ConfigurationService" run at once
      And "AgentService.createAgent" is executed <runs> times
      And no effect happens twice

      Examples: five take less than 0.6 of five in turn, 3125 ms
        | runs | time    |
        | 1    | 625 ms  |
        | 5    | 1025 ms |

    @configuration-16
    Scenario: Four files of ten fail, and one agent, and all workflows end
      Given "FileService.createFile" fails 4 times with "EACCES"
      And "AgentService.createAgent" fails 1 time with "SERVICE_UNAVAILABLE"
      And "AgentService.createAgent" is retried up to 3 times
      When the workflow runs 10 times at once
      Then it takes at most 2 s
      And "AgentService.createAgent" is executed 11 times
      And "ConfigurationService.validateUnifiedConfiguration" is executed 10 times
      And the golden signals have:
        | path                                              | value  |
        | /operations/FileService.createFile/errorRate      | 0.4                 |
        | /operations/AgentService.createAgent/errorRate    | 0.0909 |
        | /operations/AgentService.createAgent/successRate  | 1                   |
      And no effect happens twice
