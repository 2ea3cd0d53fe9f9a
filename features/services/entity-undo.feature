@needs-json-schema
Feature: Entities in workflows
  A workflow's changes of entities are undone by key: exactly those changes, once, and never
  what others have changed since.

  Background:
    Given a service "PersonalityService"
      """json
      {
        "entity": {
          "name": "Personality",
          "existing": [{ "id": "mentor", "name": "Mentor", "patience": 75, "version": 3 }]
        },
        "operations": {
          "createPersonality": { "kind": "create", "latency": "100 ms" },
          "updatePersonality": { "kind": "update", "latency": "150 ms" },
          "deletePersonality": { "kind": "delete", "latency": "50 ms" },
          "rollbackPersonality": { "kind": "restore", "latency": "50 ms" },
          "reservePersonality": { "kind": "reserve", "latency": "50 ms" },
          "releasePersonalityReservation": { "kind": "release", "latency": "20 ms" }
        }
      }
      """
    And a service "AgentService"
      """json
      {
        "codes": { "AGENT_RESERVED": { "retryable": true } },
        "entity": {
          "name": "Agent",
          "references": { "personalityId": "PersonalityService" },
          "existing": [{ "id": "ada", "name": "Ada" }]
        },
        "operations": {
          "createAgent": { "kind": "create", "latency": "200 ms" },
          "updateAgent": { "kind": "update" },
          "syncAgent": { "kind": "update", "sets": { "syncStatus": "synchronized" }, "latency": "180 ms" },
          "deleteAgent": { "kind": "delete", "latency": "50 ms" },
          "reserveAgent": { "kind": "reserve" },
          "releaseAgent": { "kind": "release" }
        }
      }
      """
    And a service "Publisher"

  @configuration-12
  Scenario: Every change of a failed workflow is undone once
    Given the workflow:
      """json
      {
        "id": "everything",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "createPersonality",
            "input": { "name": "Muse" }, "compensation": "deletePersonality" },
          { "id": "agent", "service": "AgentService", "operation": "createAgent",
            "input": { "name": "Grace", "personalityId": "${/personality/id}" }, "compensation": "deleteAgent" },
          { "id": "update", "service": "PersonalityService", "operation": "updatePersonality",
            "input": { "id": "mentor", "patience": 20 }, "compensation": "rollbackPersonality" },
          { "id": "reserve", "service": "PersonalityService", "operation": "reservePersonality",
            "input": { "personalityId": "mentor" }, "compensation": "releasePersonalityReservation" },
          { "id": "delete", "service": "AgentService", "operation": "deleteAgent",
            "input": { "id": "ada" }, "compensation": "createAgent" },
          { "id": "publish", "service": "Publisher", "operation": "publish" }
        ]
      }
      """
    And "Publisher.publish" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | AgentService.createAgent                         |
      | PersonalityService.releasePersonalityReservation |
      | PersonalityService.rollbackPersonality           |
      | AgentService.deleteAgent                         |
      | PersonalityService.deletePersonality             |
    And "PersonalityService" does not hold the entity "muse"
    And "AgentService" does not hold the entity "grace"
    And the entity "mentor" of "PersonalityService" has:
      | path       | value |
      | /patience  | 75    |
      | /version   | 3     |
    And the entity "ada" of "AgentService" has:
      | path     | value |
      | /version | 1     |
    When "PersonalityService.reservePersonality" is called with:
      """json
      { "id": "mentor" }
      """
    Then the call succeeds

  @configuration-3
  Scenario: A failed synchronization restores the former version of the personality
    Given the workflow:
      """json
      {
        "id": "update",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "updatePersonality",
            "input": { "id": "mentor", "patience": 90 }, "compensation": "rollbackPersonality" },
          { "id": "agent", "service": "AgentService", "operation": "syncAgent",
            "input": { "id": "ada", "personalityVersion": "${/personality/version}" } }
        ]
      }
      """
    And "AgentService.syncAgent" fails with "CONCURRENT_MODIFICATION"
    When the workflow runs
    Then the workflow is rolled back
    And the outcome has:
      | path                      | value                     |
      | /data/personality/version | 4                         |
      | /error/code               | CONCURRENT_MODIFICATION   |
    And the entity "mentor" of "PersonalityService" has:
      | path       | value                |
      | /patience  | 75                   |
      | /version   | 3                    |
      | /updatedAt | 2025-01-01T00:00:00Z |

  @configuration-12
  Scenario: An undo keeps the changes of others
    Given the workflow:
      """json
      {
        "id": "update",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "updatePersonality",
            "input": { "id": "mentor", "patience": 90 }, "compensation": "rollbackPersonality" },
          { "id": "publish", "service": "Publisher", "operation": "publish" }
        ]
      }
      """
    And "Publisher.publish" takes 1 s
    And "Publisher.publish" fails with "PERMANENT_ERROR"
    When the workflow starts
    And 500 ms pass
    And "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "mentor", "name": "Mentor of others" }
      """
    And the workflow ends
    Then the workflow fails with "PERMANENT_ERROR"
    And the outcome has:
      | path                           | value                                                            |
      | /compensations/0/error/code    | CONCURRENT_MODIFICATION                                          |
      | /compensations/0/error/message | Personality "mentor" has been changed since and is at version 5  |
    And the entity "mentor" of "PersonalityService" has:
      | path      | value            |
      | /name     | Mentor of others |
      | /patience | 90               |
      | /version  | 5                |

  @configuration-12
  Scenario: An undo keeps an entity that others depend on
    Given the workflow:
      """json
      {
        "id": "creation",
        "steps": [
          { "id": "personality", "service": "PersonalityService", "operation": "createPersonality",
            "input": { "name": "Muse" }, "compensation": "deletePersonality" },
          { "id": "publish", "service": "Publisher", "operation": "publish" }
        ]
      }
      """
    And "Publisher.publish" takes 1 s
    And "Publisher.publish" fails with "PERMANENT_ERROR"
    When the workflow starts
    And 500 ms pass
    And "AgentService.updateAgent" is called with:
      """json
      { "id": "ada", "personalityId": "muse" }
      """
    And the workflow ends
    Then the workflow fails with "PERMANENT_ERROR"
    And the outcome has:
      | path                           | value                                         |
      | /compensations/0/error/code    | REFERENTIAL_INTEGRITY_VIOLATION               |
      | /compensations/0/error/message | Personality "muse" has 1 dependent: Agent "ada" |
    And "PersonalityService" holds the entity "muse"

  @configuration-12
  Scenario: A create that arrives after its undo has no effect
    Given the workflow:
      """json
      {
        "id": "creation",
        "steps": [
          { "id": "agent", "service": "AgentService", "operation": "createAgent",
            "input": { "name": "Grace" }, "compensation": "deleteAgent", "timeout": "1s" }
        ]
      }
      """
    And "AgentService.createAgent" answers:
      | execution | answer   |
      | 1         | late 3 s |
    When the workflow runs
    Then the workflow is rolled back
    And the outcome has:
      | path                    | value              |
      | /compensations/0/error  |                    |
    When 5 s pass
    Then "AgentService" does not hold the entity "grace"
    And nothing has an effect

  @configuration-12
  Scenario: A crash does not create an agent twice
    Given the workflow:
      """json
      {
        "id": "creation",
        "steps": [
          { "id": "agent", "service": "AgentService", "operation": "createAgent", "input": { "name": "Grace" } }
        ]
      }
      """
    And the orchestrator crashes during step "agent"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow completes
    And "AgentService.createAgent" is executed 2 times
    And the outcome has:
      | path           | value |
      | /data/agent/id | grace |
    And "AgentService" does not hold the entity "grace-2"

  @configuration-12
  Scenario: A second reservation waits for the first
    Given the retry policy:
      | field      | value  |
      | maxRetries | 5      |
      | base       | 100 ms |
    And the workflow:
      """json
      {
        "id": "reservation",
        "steps": [
          { "id": "reserve", "service": "AgentService", "operation": "reserveAgent", "input": { "id": "ada" } },
          { "id": "publish", "service": "Publisher", "operation": "publish" },
          { "id": "release", "service": "AgentService", "operation": "releaseAgent",
            "input": { "reservationId": "${/reserve/reservationId}" } }
        ]
      }
      """
    And "Publisher.publish" takes 250 ms
    When the workflow runs 2 times at once
    Then the workflow completes
    And it takes 550 ms
    And the timeline has, in order:
      | event      | at     | call                      | result         | reply                                                              |
      | call_ended | 0 ms   | AgentService.reserveAgent | ok             | {"reservationId": "agent-reservation-1", "id": "ada", "version": 1} |
      | call_ended | 0 ms   | AgentService.reserveAgent | AGENT_RESERVED |                                                                    |
      | call_ended | 100 ms | AgentService.reserveAgent | AGENT_RESERVED |                                                                    |
      | call_ended | 300 ms | AgentService.reserveAgent | ok             | {"reservationId": "agent-reservation-2", "id": "ada", "version": 1} |

  @configuration-1
  Scenario: A release without a reservation changes nothing
    When "AgentService.releaseAgent" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply is:
      """json
      { "released": false }
      """

  @configuration-12
  Scenario: The undo of another service's call acts on the entity that it names
    Given the workflow:
      """json
      {
        "id": "publication",
        "steps": [
          { "id": "publish", "service": "Publisher", "operation": "publish",
            "input": { "id": "page-1", "personalityId": "mentor" },
            "compensation": "PersonalityService.deletePersonality" },
          { "id": "announce", "service": "Publisher", "operation": "announce" }
        ]
      }
      """
    And "Publisher.announce" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And "PersonalityService" does not hold the entity "mentor"
