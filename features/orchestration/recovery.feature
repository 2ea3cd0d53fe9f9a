Feature: Fallback calls of a step
  Some failures can be repaired immediately. A step names the calls that do so; they
  are made once, before anything is undone.

  Background:
    Given a service "Profiles"
      """json
      {
        "operations": {
          "update": { "latency": "10ms", "reply": { "version": 2 } },
          "resolve": { "latency": "20ms", "kind": "get" },
          "updateAgain": { "latency": "30ms", "reply": { "version": 3 } },
          "revert": {}
        }
      }
      """
    And a service "Search"
    And the workflow:
      """json
      {
        "id": "rename",
        "steps": [
          { "id": "update", "service": "Profiles", "operation": "update", "input": { "name": "${/input/name}" },
            "recover": ["resolve", "Profiles.updateAgain"], "compensation": "revert" },
          { "id": "index", "service": "Search", "operation": "index", "input": { "version": "${/update/version}" } }
        ]
      }
      """

  @orchestration-2
  Scenario: A recovered step has completed with the reply of the last fallback call
    Given "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow completes
    And it takes 60 ms
    And no compensation runs
    And the timeline has, in order:
      | event        | call             | input                                                                                                                                                                                                                                    |
      | call_started | Profiles.resolve | {"input": {"name": "Ada"}, "error": {"code": "CONCURRENT_MODIFICATION", "message": "scripted failure", "service": "Profiles", "operation": "update", "mode": "agent_state", "retryable": false, "executions": 1, "inDoubt": false}} |
    And the timeline has, in order:
      | event        | call                 | step   | result                  |
      | call_ended   | Profiles.update      | update | CONCURRENT_MODIFICATION |
      | call_ended   | Profiles.resolve     | update | ok                      |
      | call_ended   | Profiles.updateAgain | update | ok                      |
    And the timeline has, in order:
      | event      | about  | message                                | status    |
      | warning    | update | recovered from CONCURRENT_MODIFICATION |           |
      | step_ended |        |                                        | completed |
    And the timeline has, in order:
      | event        | call         | input          |
      | call_started | Search.index | {"version": 3} |
    And the timeline has, in order:
      | event  | operation   | key             |
      | effect | updateAgain | rename-1/update |

  @orchestration-2
  Scenario: A recovered step is compensated like any other
    Given "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And "Search.index" fails with "PERMANENT_ERROR"
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow is rolled back
    And these compensations run in order:
      | Profiles.revert |
    And the timeline has, in order:
      | event  | operation   | key                  |
      | effect | updateAgain | rename-1/update      |
      | effect | revert      | rename-1/update:undo |

  @orchestration-2
  Scenario Outline: A step whose fallback call fails reports its own failure
    Given "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And "<call>" fails with "PERMANENT_ERROR"
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow is rolled back
    And it takes <time>
    And the error is "CONCURRENT_MODIFICATION" from "Profiles.update"
    And "Profiles.updateAgain" is executed <times> times
    And "Search.index" is never executed
    And the timeline has, in order:
      | event      | about  | message                                                                                     | status |
      | warning    | update | <call> does not recover it: PERMANENT_ERROR from <call>: scripted failure |        |
      | step_ended |        |                                                                                             | failed |

    Examples:
      | call                 | time  | times |
      | Profiles.resolve     | 30 ms | 0     |
      | Profiles.updateAgain | 60 ms | 1     |

  @orchestration-2 @orchestration-12
  Scenario: A late effect of the last fallback call is undone
    Given "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And "Profiles.updateAgain" answers:
      | execution | answer   |
      | 1         | late 3 s |
    And every call times out after 500 ms
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow is rolled back
    And the error is "CONCURRENT_MODIFICATION" from "Profiles.update"
    And these compensations run in order:
      | Profiles.revert |
    When 1 h passes
    Then nothing has an effect

  @orchestration-2
  Scenario: Retries come before fallback calls
    Given "Profiles.update" fails with "TRANSIENT_ERROR"
    And "Profiles.update" is retried up to 1 time
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow completes
    And "Profiles.update" is executed 2 times
    And "Profiles.resolve" is executed 1 time

  @orchestration-2 @orchestration-14
  Scenario: There are no fallback calls after the deadline
    Given "Profiles.update" hangs
    And the workflow must finish within 50 ms
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow is rolled back
    And "Profiles.resolve" is never executed

  @orchestration-2 @orchestration-14
  Scenario: The deadline stops a fallback call
    Given "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And the workflow must finish within 25 ms
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    Then the workflow is rolled back
    And it takes 25 ms
    And the error is "CONCURRENT_MODIFICATION" from "Profiles.update"
    And "Profiles.updateAgain" is never executed

  @orchestration-2
  Scenario: A fallback call before the last has its own key and is not undone
    Given the workflow:
      """json
      {
        "id": "rename",
        "steps": [
          { "id": "update", "service": "Profiles", "operation": "update", "input": { "name": "Ada" },
            "recover": ["Search.prepare", "updateAgain"], "compensation": "revert" }
        ]
      }
      """
    And "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And "Profiles.updateAgain" fails with "PERMANENT_ERROR"
    And every call times out after 500 ms
    When the workflow runs
    Then the workflow is rolled back
    And no compensation runs
    When 1 h passes
    Then the timeline has, in order:
      | event  | operation | key                       |
      | effect | prepare   | rename-1/update/recover/0 |

  @orchestration-2
  Scenario: A late effect of a fallback call before the last is not undone
    Given the workflow:
      """json
      {
        "id": "rename",
        "steps": [
          { "id": "update", "service": "Profiles", "operation": "update", "input": { "name": "Ada" },
            "recover": ["Search.prepare", "updateAgain"], "compensation": "revert" }
        ]
      }
      """
    And "Profiles.update" fails with "CONCURRENT_MODIFICATION"
    And "Search.prepare" answers:
      | execution | answer   |
      | 1         | late 3 s |
    And every call times out after 500 ms
    When the workflow runs
    Then the workflow is rolled back
    And "Profiles.updateAgain" is never executed
    And no compensation runs
    When 1 h passes
    Then the timeline has, in order:
      | event  | operation | key                       |
      | effect | prepare   | rename-1/update/recover/0 |

  @orchestration-2 @orchestration-13
  Scenario: After a crash during fallback calls the step itself is executed first
    Given "Profiles.update" fails 1 time with "CONCURRENT_MODIFICATION"
    And the orchestrator crashes during step "update"
    When the workflow runs with:
      """json
      { "name": "Ada" }
      """
    And the orchestrator restarts
    Then the workflow completes
    And "Profiles.update" is executed 2 times
    And "Profiles.updateAgain" is executed 1 time
    And no effect happens twice
    And the timeline has, in order:
      | event        | call         | input          |
      | call_started | Search.index | {"version": 3} |

  @orchestration-2
  Scenario: An unknown fallback call is refused before any call
    Given the workflow:
      """json
      { "id": "rename", "steps": [ { "id": "update", "service": "Profiles", "operation": "update", "recover": ["updateAgian"] } ] }
      """
    When the workflow runs
    Then the workflow is refused with "OPERATION_NOT_FOUND"
    And the refusal names "/steps/0/recover/0" and says "updateAgain"
