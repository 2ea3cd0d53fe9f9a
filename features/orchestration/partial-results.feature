@needs-json-schema
Feature: Partial results
  Some work is too expensive to discard because one step failed. A workflow that
  keeps its partial result can be resumed hours later, without repeating completed
  steps.

  Background:
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And the workflow keeps on failure

  Scenario: A failure interrupts the workflow and keeps the completed steps
    Given "AgentService.createAgent" fails 1 time with "AGENT_CREATION_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    And it takes 450 ms
    And no compensation runs
    And the error is "AGENT_CREATION_ERROR" from "AgentService.createAgent"
    And the state of the workflow has:
      | path       | value                                   |
      | /status    | interrupted                             |
      | /completed | ["validatePersonality", "validateRole"] |
      | /failed    | ["createAgent"]                         |
      | /pending   | ["createFile"]                          |

  Scenario: An interrupted workflow is resumed a day later
    Given "AgentService.createAgent" fails 1 time with "AGENT_CREATION_ERROR"
    When the workflow runs
    And 24 h pass
    And the workflow resumes
    Then it takes 275 ms
    And the workflow completes
    And "PersonalityService.validatePersonalityConfiguration" is executed 1 time
    And "RoleService.validateRoleCapabilities" is executed 1 time
    And "AgentService.createAgent" is executed 2 times
    And no effect happens twice
    And the outcome has:
      | path          | value                   |
      | /run          | completeAgentCreation-1 |
      | /took         | 24 h 725 ms             |
      | /steps/2/took | 200 ms                  |
      | /error        |                         |
    And the timeline has, in order:
      | at        | event            | status      |
      | 0 ms      | workflow_started | running     |
      | 450 ms    | workflow_ended   | interrupted |
      | 24 h 450 ms | workflow_resumed | running     |
      | 24 h 725 ms | workflow_ended   | completed   |

  Scenario: A workflow can be interrupted more than once
    Given "FileService.createFile" fails 2 times with "ENOSPC"
    When the workflow runs
    Then the workflow is interrupted
    And it takes 525 ms
    When the workflow resumes
    Then the workflow is interrupted
    And it takes 75 ms
    And the error is "ENOSPC" from "FileService.createFile"
    When the workflow resumes
    Then the workflow completes
    And it takes 75 ms
    And "AgentService.createAgent" is executed 1 time
    And "FileService.createFile" is executed 3 times
    And no effect happens twice

  @orchestration-14
  Scenario: The deadline counts again from each resumption
    Given the workflow must finish within 350 ms
    When the workflow runs
    Then the workflow is interrupted
    And it takes 350 ms
    And the error is "WORKFLOW_TIMEOUT" from "AgentService.createAgent"
    When the workflow resumes
    Then the workflow completes
    And it takes 275 ms

  Scenario: Steps that an interrupted run never started are pending
    Given "FileService.createFile" fails 1 time with "ENOSPC"
    And the workflow:
      """json
      {
        "id": "agentWithFile",
        "onFailure": "keep",
        "steps": [
          {
            "id": "write", "service": "FileService", "operation": "createFile",
            "input": { "path": "agents/ada.json", "content": "to come" }
          },
          {
            "id": "create", "service": "AgentService", "operation": "createAgent",
            "input": { "name": "Ada", "role": "software-mentor", "personalityId": "creative-mentor", "modelId": "standard-model" }
          }
        ]
      }
      """
    When the workflow runs
    Then the workflow is interrupted
    And the timeline matches the snapshot
    When the workflow resumes
    Then the workflow completes
    And the steps run in this order:
      | write  |
      | create |
    And the outcome has:
      | path           | value |
      | /steps/0/error |       |

  Rule: All failed steps run again on resumption

    Background:
      Given a service "Worker"
      And "Worker.one" takes 10 ms
      And "Worker.two" takes 10 ms
      And "Worker.three" takes 10 ms
      And the workflow:
        """json
        {
          "id": "pair",
          "onFailure": "keep",
          "maxParallel": 3,
          "steps": [
            { "id": "later", "service": "Worker", "operation": "later", "dependencies": ["one"] },
            { "id": "last", "service": "Worker", "operation": "last", "dependencies": ["one"] },
            { "id": "one", "service": "Worker", "operation": "one", "dependencies": [] },
            { "id": "two", "service": "Worker", "operation": "two", "dependencies": [] },
            { "id": "three", "service": "Worker", "operation": "three", "dependencies": [] }
          ]
        }
        """
      And "Worker.two" fails 1 time with "CONNECTION_RESET"
      And "Worker.three" fails 1 time with "CONNECTION_RESET"

    @orchestration-9
    Scenario: Failed steps above the parallel limit run as others end
      When the workflow runs
      Then the workflow is interrupted
      When the workflow resumes
      Then the workflow completes
      And it takes 10 ms
      And "Worker.three" is executed 2 times

    @orchestration-13
    Scenario Outline: After a crash <point> step <step> of a resumed workflow all failed steps run again
      When the workflow runs
      Then the workflow is interrupted
      Given the orchestrator crashes <point> step "<step>"
      When the workflow resumes
      And the orchestrator restarts
      Then the workflow completes
      And "Worker.three" is executed <times> times
      And no effect happens twice

      Examples:
        | point  | step  | times |
        | before | later | 2     |
        | before | two   | 2     |
        | before | three | 2     |
        | during | two   | 3     |
        | after  | two   | 3     |
        | during | three | 3     |

  Rule: Resumption allows sequential retries again

    Background:
      Given a service "Worker"
      And "Worker.one" takes 10 ms
      And "Worker.two" takes 10 ms
      And the workflow:
        """json
        {
          "id": "pair",
          "onFailure": "keep",
          "onParallelFailure": "sequential",
          "steps": [
            { "id": "one", "service": "Worker", "operation": "one", "dependencies": [] },
            { "id": "two", "service": "Worker", "operation": "two", "dependencies": [] }
          ]
        }
        """

    @orchestration-8
    Scenario: Steps that fail in parallel again are retried sequentially again
      Given "Worker.one" fails 3 times with "CONNECTION_RESET"
      And "Worker.two" fails 1 time with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow is interrupted
      And "Worker.one" is executed 2 times
      When the workflow resumes
      Then the workflow completes
      And "Worker.one" is executed 4 times
      And "Worker.two" is executed 2 times

    @orchestration-8
    Scenario: A step that fails alone after resumption is not retried
      Given "Worker.one" fails 3 times with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow is interrupted
      And "Worker.one" is executed 2 times
      When the workflow resumes
      Then the workflow is interrupted
      And "Worker.one" is executed 3 times
