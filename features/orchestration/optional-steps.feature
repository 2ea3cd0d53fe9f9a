@needs-json-schema
Feature: Optional steps
  A newsletter that cannot be sent is no reason to cancel an order. The workflow
  continues, and is reported as degraded.

  Background:
    Given the services from "agent-platform"
    And the workflow:
      """json
      {
        "id": "agentWithFile",
        "steps": [
          {
            "id": "create", "service": "AgentService", "operation": "createAgent",
            "input": { "name": "Ada", "role": "software-mentor", "personalityId": "creative-mentor", "modelId": "standard-model" },
            "compensation": "AgentService.rollbackAgent"
          },
          {
            "id": "write", "service": "FileService", "operation": "createFile", "optional": true,
            "input": { "path": "agents/ada.json", "content": "${/create}" }
          },
          { "id": "check", "service": "ValidationService", "operation": "validateSystemConsistency" }
        ]
      }
      """

  @orchestration-6 @configuration-1
  Scenario: A workflow whose optional step fails is degraded
    Given "FileService" is down
    When the workflow runs
    Then the workflow is degraded
    And it takes 310 ms
    And the steps run in this order:
      | create |
      | check  |
    And no compensation runs
    And the outcome has:
      | path                | value               |
      | /status             | degraded            |
      | /steps/1/status     | failed              |
      | /steps/1/error/code | SERVICE_UNAVAILABLE |
      | /steps/2/status     | completed           |
      | /data/write         |                     |
      | /error              |                     |

  @orchestration-6
  Scenario: A slow optional step is stopped at its timeout
    Given "FileService" is slowed by 1 s
    And every call times out after 500 ms
    When the workflow runs
    Then the workflow is degraded
    And it takes 810 ms
    And the calls are:
      | at     | call                                        | took   | result  |
      | 0 ms   | AgentService.createAgent                    | 200 ms | ok      |
      | 200 ms | FileService.createFile                      | 500 ms | TIMEOUT |
      | 700 ms | ValidationService.validateSystemConsistency | 110 ms | ok      |

  @orchestration-6
  Scenario: A workflow whose optional step succeeds completes
    When the workflow runs
    Then the workflow completes
    And it takes 385 ms

  @orchestration-6
  Scenario: The failure of a required step is the error, even after an optional one
    Given "FileService.createFile" fails with "EACCES"
    And "ValidationService.validateSystemConsistency" fails with "CONTRACT_VIOLATION"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 435 ms
    And the error is "CONTRACT_VIOLATION" from "ValidationService.validateSystemConsistency"
    And these compensations run in order:
      | AgentService.rollbackAgent |
    And no effect remains

  @orchestration-6 @orchestration-20
  Scenario: A step that depends on a failed optional step gets no data from it
    Given a service "Mail"
    And the workflow:
      """json
      {
        "id": "notice",
        "steps": [
          { "id": "write", "service": "FileService", "operation": "createFile", "optional": true },
          { "id": "send", "service": "Mail", "operation": "send", "input": { "file": "${/write/path}" } }
        ]
      }
      """
    And "FileService.createFile" fails with "ENOSPC"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "INVALID_REFERENCE" from "Mail.send"
    And "Mail.send" is never executed
