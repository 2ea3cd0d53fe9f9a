@needs-json-schema
Feature: Agents created while their service is away
  Where AgentService is away and ValidationService slow, what was checked is kept, the agent is created when its
  service is back, its file is written then, and all is checked for consistency.

  Background:
    Given the services from "agent-platform"
    And the workflow:
      """json
      {
        "id": "resilientAgentCreation",
        "onFailure": "degrade",
        "degrade": {"resumeAfter": ["60s", "300s", "900s"]},
        "steps": [
          {
            "id": "validatePersonality",
            "service": "PersonalityService",
            "operation": "validatePersonalityConfiguration",
            "input": {
              "id": "creative-mentor",
              "name": "Creative Mentor",
              "traits": {"openness": 85, "conscientiousness": 70, "extraversion": 60, "agreeableness": 75, "neuroticism": 30, "formality": 40, "humor": 65, "assertiveness": 55, "empathy": 80, "storytelling": 75, "brevity": 45, "imagination": 80, "playfulness": 60, "dramaticism": 35, "analyticalDepth": 70, "contrarianism": 30, "encouragement": 85, "curiosity": 90, "patience": 80, "creativity": 75}
            },
            "dependencies": [],
            "expectedDuration": "150ms",
            "expectedOutput": {"isValid": true},
            "compensation": "PersonalityService.rollbackPersonality"
          },
          {
            "id": "validateRole",
            "service": "RoleService",
            "operation": "validateRoleCapabilities",
            "input": {
              "id": "software-mentor",
              "name": "Software Mentor",
              "description": "Helps others to write better software.",
              "capabilities": ["code-review", "mentoring"]
            },
            "dependencies": ["validatePersonality"],
            "expectedDuration": "100ms",
            "expectedOutput": {"isValid": true},
            "compensation": "RoleService.rollbackRole"
          },
          {
            "id": "createAgent",
            "service": "AgentService",
            "operation": "createAgent",
            "input": {
              "name": "Mary",
              "role": "${/validateRole/id}",
              "personalityId": "${/validatePersonality/id}",
              "personalityVersion": "${/validatePersonality/version}",
              "modelId": "standard-model"
            },
            "dependencies": ["validatePersonality", "validateRole"],
            "expectedDuration": "200ms",
            "compensation": "AgentService.deleteAgent"
          },
          {
            "id": "persistConfiguration",
            "service": "FileService",
            "operation": "persistConfiguration",
            "input": {
              "path": "agents/mary.json",
              "content": {"version": "1.0", "format": "json", "encoding": "utf-8", "metadata": {"createdAt": "${/createAgent/createdAt}", "createdBy": "resilientAgentCreation"}, "data": {"agents": ["${/createAgent}"], "personalities": [], "roles": []}},
              "validateContent": true
            },
            "dependencies": ["createAgent"],
            "expectedDuration": "75ms",
            "expectedOutput": {"success": true},
            "compensation": "FileService.deleteConfigurationFile"
          },
          {
            "id": "validateConsistency",
            "service": "ValidationService",
            "operation": "validateSystemConsistency",
            "input": {
              "personality": {"id": "${/validatePersonality/id}"},
              "role": {"id": "${/validateRole/id}"},
              "agent": {"id": "${/createAgent/id}"},
              "file": {"path": "${/persistConfiguration/path}"}
            },
            "dependencies": ["validatePersonality", "validateRole", "createAgent", "persistConfiguration"],
            "expectedDuration": "110ms",
            "expectedOutput": {"isValid": true}
          }
        ]
      }
      """
    And "ValidationService" is slowed by 40 ms

  @configuration-7 @orchestration-7
  Scenario: AgentService becomes available again
    Given "AgentService" is down
    When the workflow starts
    And 250 ms pass
    Then the workflow is partially successful
    And the error is "SERVICE_UNAVAILABLE" from "AgentService.createAgent"
    And the outcome has:
      | path                  | value                |
      | /took                 | 250 ms               |
      | /steps/0/status       | completed            |
      | /steps/1/status       | completed            |
      | /steps/2/status       | failed               |
      | /steps/2/resumesAt    | 60 s 250 ms          |
      | /steps/3/status       | deferred             |
      | /deferred/0/step      | persistConfiguration |
      | /deferred/0/dependsOn | ["createAgent"]      |
    And the file "agents/mary.json" does not exist
    And the timeline has, in order:
      | at     | event         | about       | step                 |
      | 250 ms | warning       | createAgent |                      |
      | 250 ms | step_deferred |             | persistConfiguration |
    When 100 s pass
    And "AgentService" comes back
    And the workflow ends
    Then the workflow completes
    And it takes 425 ms
    And the calls are:
      | at           | call                                               | took   | result              |
      | 0 ms         | PersonalityService.validatePersonalityConfiguration | 150 ms | ok                  |
      | 150 ms       | RoleService.validateRoleCapabilities               | 100 ms | ok                  |
      | 250 ms       | AgentService.createAgent                           | 0 ms   | SERVICE_UNAVAILABLE |
      | 60 s 250 ms  | AgentService.createAgent                           | 0 ms   | SERVICE_UNAVAILABLE |
      | 100 s 250 ms | AgentService.createAgent                           | 200 ms | ok                  |
      | 100 s 450 ms | FileService.persistConfiguration                   | 75 ms  | ok                  |
      | 100 s 525 ms | ValidationService.validateSystemConsistency        | 150 ms | ok                  |
    And the file "agents/mary.json" exists
    And "ValidationService.validateSystemConsistency" received:
      | path       | value            |
      | /file/path | agents/mary.json |
    And no effect happens twice

  @configuration-7 @orchestration-7
  Scenario: AgentService stays away
    Given "AgentService" is down
    When the workflow runs
    Then the workflow is partially successful
    And it takes 900250 ms
    And "AgentService.createAgent" is executed 4 times
    And "FileService.persistConfiguration" is never executed
    And no compensation runs
    And the file "agents/mary.json" does not exist

  @configuration-7 @orchestration-7
  Scenario: An agent that is not valid is not created later either
    Given "AgentService.createAgent" fails with "AGENT_CREATION_ERROR"
    When the workflow runs
    Then the workflow is partially successful
    And it takes 450 ms
    And "AgentService.createAgent" is executed 1 time
    And the outcome has:
      | path               | value    |
      | /steps/2/resumesAt |          |
      | /steps/3/status    | deferred |
