Feature: Expected durations
  A workflow that still works but has become slow deserves a warning before it
  becomes an incident.

  @orchestration-17
  Scenario: Each step is compared with its expected duration
    Given a service "Worker"
    And "Worker.a" takes 120 ms
    And "Worker.b" takes 121 ms
    And "Worker.c" takes 200 ms
    And "Worker.d" takes 201 ms
    And the workflow:
      """json
      {
        "id": "measured",
        "totalExpectedDuration": "535ms",
        "steps": [
          { "id": "inTime", "service": "Worker", "operation": "a", "expectedDuration": "100ms" },
          { "id": "slow", "service": "Worker", "operation": "b", "expectedDuration": "100ms" },
          { "id": "twiceAsLong", "service": "Worker", "operation": "c", "expectedDuration": "100ms" },
          { "id": "tooSlow", "service": "Worker", "operation": "d", "expectedDuration": "100ms" }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And it takes 642 ms
    And the timeline has, in order:
      | at     | event   | about       | message                    |
      | 241 ms | warning | slow        | took 121 ms, expected 100 ms |
      | 441 ms | warning | twiceAsLong | took 200 ms, expected 100 ms |
      | 642 ms | error   | tooSlow     | took 201 ms, expected 100 ms |
    And the timeline matches the snapshot

  @orchestration-17 @needs-json-schema
  Scenario Outline: A run that takes <time> instead of 525 ms causes <word>
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And "AgentService" is slowed by <delay>
    When the workflow runs
    Then the workflow completes
    And it takes <time>
    And the timeline has, in order:
      | event          | about                 | status    | message   |
      | workflow_ended |                       | completed |           |
      | <event>        | completeAgentCreation |           | <message> |

    Examples:
      | delay  | time    | word      | event   | message                      |
      | 106 ms | 631 ms  | a warning | warning | took 631 ms, expected 525 ms   |
      | 525 ms | 1050 ms | a warning | warning | took 1 s 50 ms, expected 525 ms |
      | 526 ms | 1051 ms | an error  | error   | took 1 s 51 ms, expected 525 ms |

  @orchestration-17 @needs-json-schema
  Scenario: Up to 1.2 times the expected duration there is no warning
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And "AgentService" is slowed by 105 ms
    When the workflow runs
    Then it takes 630 ms
    And the timeline has none of:
      | event   | about                 |
      | warning | completeAgentCreation |
      | error   |                       |

  @needs-json-schema
  Scenario: A reply without the expected output causes a warning
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And "RoleService.validateRoleCapabilities" replies:
      """json
      { "id": "software-mentor", "isValid": false }
      """
    When the workflow runs
    Then the workflow completes
    And the timeline has, in order:
      | at     | event   | about        | message                                            |
      | 250 ms | warning | validateRole | the reply lacks what is expected at "/isValid"     |

  @orchestration-17 @needs-json-schema
  Scenario: A degraded run is compared with its expected duration as well
    Given the services from "agent-platform"
    And the workflow:
      """json
      {
        "id": "agentWithFile",
        "totalExpectedDuration": "200ms",
        "steps": [
          {
            "id": "create", "service": "AgentService", "operation": "createAgent",
            "input": { "name": "Ada", "role": "software-mentor", "personalityId": "creative-mentor", "modelId": "standard-model" }
          },
          { "id": "write", "service": "FileService", "operation": "createFile", "optional": true }
        ]
      }
      """
    And "FileService.createFile" fails with "ENOSPC"
    When the workflow runs
    Then the workflow is degraded
    And it takes 275 ms
    And the timeline has, in order:
      | at     | event          | about         | status   | message                    |
      | 275 ms | workflow_ended |               | degraded |                            |
      | 275 ms | warning        | agentWithFile |          | took 275 ms, expected 200 ms |

  @orchestration-17
  Scenario: Failed steps are not compared with their expected duration
    Given a service "Worker"
    And "Worker.run" times out after 10 s
    And "Worker.run" hangs
    And the workflow:
      """json
      {
        "id": "measured",
        "totalExpectedDuration": "100ms",
        "steps": [{ "id": "run", "service": "Worker", "operation": "run", "expectedDuration": "100ms" }]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the timeline matches the snapshot

  Scenario Outline: A reply of <reply> lacks <place>
    Given a service "Worker"
    And "Worker.run" replies:
      """json
      <reply>
      """
    And the workflow:
      """json
      {
        "id": "checked",
        "steps": [
          {
            "id": "run", "service": "Worker", "operation": "run",
            "expectedOutput": { "id": "a", "size": { "width": 1 } }
          }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And the timeline has, in order:
      | event   | about | message                                       |
      | warning | run   | the reply lacks what is expected at "<place>" |

    Examples:
      | reply                                 | place       |
      | {"id": "a"}                           | /size       |
      | {"size": {"width": 1}}                | /id         |
      | {"id": "a", "size": {}}               | /size/width |
      | {"id": "a", "size": {"width": "one"}} | /size/width |
      | {"id": "a", "size": 1}                | /size       |
