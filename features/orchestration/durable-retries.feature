Feature: Retries and recoveries are durable
  The number of a try and when the next is due are in the journal, so that a crash renews neither. A run that crashes
  its orchestrator again and again is undone in the end.

  Background:
    Given a service "Thumbs"
    And a service "Disk"
    And the workflow:
      """json
      {
        "id": "render",
        "steps": [
          { "id": "alloc", "service": "Disk", "operation": "alloc", "compensation": "free" },
          { "id": "decode", "service": "Thumbs", "operation": "decode" }
        ]
      }
      """

  @orchestration-13
  Scenario: A run survives four crashes
    Given the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow completes
    And "Thumbs.decode" is executed 5 times

  @orchestration-13
  Scenario Outline: A run that crashes more often than it may be recovered is undone, with a journal <journal>
    Given <given>
    And the workflow is recovered up to 3 times
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Thumbs.decode" is executed 4 times
    And the error is "RECOVERY_EXHAUSTED" from "Thumbs.decode"
    And these compensations run in order:
      | Disk.free |

    Examples:
      | journal   | given              |
      | in memory | a service "Unused" |

    @needs-sqlite
    Examples:
      | journal   | given                         |
      | in a file | the journal is kept in a file |

  @orchestration-13
  Scenario: A definition says how often a run may be recovered
    Given the workflow:
      """json
      {
        "id": "render", "maxRecoveries": 0,
        "steps": [
          { "id": "alloc", "service": "Disk", "operation": "alloc", "compensation": "free" },
          { "id": "decode", "service": "Thumbs", "operation": "decode" }
        ]
      }
      """
    And the orchestrator crashes after step "alloc"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Thumbs.decode" is never executed
    And the outcome has:
      | path        | value              |
      | /error/code | RECOVERY_EXHAUSTED |
    And no effect remains

  @orchestration-13
  Scenario: A run is recovered ten times unless told otherwise
    Given the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    And the orchestrator crashes during step "decode"
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Thumbs.decode" is executed 11 times
    And the outcome has:
      | path           | value                                                                |
      | /error/code    | RECOVERY_EXHAUSTED                                                   |
      | /error/message | it was recovered 10 times, the most that it may be, the default |

  @orchestration-13
  Scenario: An undo is recovered however often it crashes
    Given the workflow is recovered up to 0 times
    And "Thumbs.decode" fails with "BROKEN"
    And the orchestrator crashes during the compensation of step "alloc"
    And the orchestrator crashes during the compensation of step "alloc"
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow is rolled back
    And the error is "BROKEN" from "Thumbs.decode"
    And no effect remains

  @orchestration-13
  Scenario Outline: Tries that were used up before a crash stay used up, with a journal <journal>
    Given <given>
    And the workflow:
      """json
      {
        "id": "render",
        "steps": [
          { "id": "alloc", "service": "Disk", "operation": "alloc" },
          {
            "id": "decode", "service": "Thumbs", "operation": "decode",
            "retry": { "maxRetries": 2, "base": "1min", "multiplier": 1 }
          }
        ]
      }
      """
    And "Thumbs.decode" fails with "TOOL_ERROR"
    When the workflow starts
    And 90 s pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Thumbs.decode" is executed 3 times
    And it takes 30 s
    And the outcome has:
      | path                 | value      |
      | /error/executions    | 3          |
      | /error/inDoubt       | false      |
      | /error/causes/0/code | TOOL_ERROR |
      | /error/causes/1/code | TOOL_ERROR |

    Examples:
      | journal   | given              |
      | in memory | a service "Unused" |

    @needs-sqlite
    Examples:
      | journal   | given                         |
      | in a file | the journal is kept in a file |

  @orchestration-13
  Scenario: A try that was due while no orchestrator ran starts with the next one
    Given the workflow:
      """json
      {
        "id": "render",
        "steps": [
          {
            "id": "decode", "service": "Thumbs", "operation": "decode",
            "retry": { "maxRetries": 2, "base": "1min", "multiplier": 1 }
          },
          { "id": "alloc", "service": "Disk", "operation": "alloc", "dependencies": [] }
        ]
      }
      """
    And "Thumbs.decode" fails 1 time with "TOOL_ERROR"
    And "Disk.alloc" takes 10 s
    And the orchestrator crashes during step "alloc"
    When the workflow runs
    And 5 min pass
    And the orchestrator restarts
    Then the workflow completes
    And it takes 10 s

  @orchestration-13
  Scenario: An execution that a crash cut off counts as one, and is repeated beside the tries
    Given the workflow:
      """json
      {
        "id": "render",
        "steps": [
          {
            "id": "decode", "service": "Thumbs", "operation": "decode", "compensation": "discard",
            "retry": { "maxRetries": 1, "base": "1min", "multiplier": 1 }
          }
        ]
      }
      """
    And "Thumbs.decode" answers:
      | execution | answer           |
      | 1         | error TOOL_ERROR |
      | 2         | hang             |
      | 3         | error TOOL_ERROR |
    When the workflow starts
    And 61 s pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Thumbs.decode" is executed 3 times
    And the outcome has:
      | path              | value |
      | /error/executions | 3     |
      | /error/inDoubt    | true  |
    And these compensations run in order:
      | Thumbs.discard |

  @orchestration-13
  Scenario: An undo's tries that were used up before a crash stay used up
    Given "Thumbs.decode" fails with "BROKEN"
    And the workflow:
      """json
      {
        "id": "render",
        "steps": [
          {
            "id": "alloc", "service": "Disk", "operation": "alloc",
            "compensation": { "operation": "free", "retry": { "maxRetries": 2, "base": "1min", "multiplier": 1 } }
          },
          { "id": "decode", "service": "Thumbs", "operation": "decode" }
        ]
      }
      """
    And "Disk.free" fails with "TOOL_ERROR"
    When the workflow starts
    And 90 s pass
    And the orchestrator restarts
    Then the workflow fails with "BROKEN"
    And "Disk.free" is executed 3 times
    And it takes 30 s
    And the outcome has:
      | path                              | value |
      | /compensations/0/error/executions | 3     |

  @orchestration-13
  Scenario: A crash the second time that a step is executed
    Given the orchestrator crashes during step "decode"
    And the orchestrator crashes before the service acts in step "decode" on its 2nd execution
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow completes
    And the timeline has, in order:
      | event      | call          | execution | result    |
      | call_ended | Thumbs.decode | 1         | ok        |
      | call_ended | Thumbs.decode | 2         | CANCELLED |
      | call_ended | Thumbs.decode | 3         | ok        |
    And no effect happens twice

  @orchestration-13
  Scenario: A restart with nothing to take up leaves the outcome as it was
    When the workflow runs
    And the orchestrator restarts
    Then the workflow completes

  @orchestration-8 @orchestration-13
  Scenario: A run that crashes too often while its failed steps are retried sequentially is undone
    Given the workflow:
      """json
      {
        "id": "render", "onParallelFailure": "sequential", "maxRecoveries": 1,
        "steps": [
          { "id": "alloc", "service": "Disk", "operation": "alloc", "dependencies": [], "compensation": "free" },
          { "id": "decode", "service": "Thumbs", "operation": "decode", "dependencies": [], "compensation": "discard" }
        ]
      }
      """
    And "Thumbs.decode" fails 1 time with "BROKEN"
    And the orchestrator crashes during step "decode" on its 2nd execution
    And the orchestrator crashes during step "decode" on its 3rd execution
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow is rolled back
    And the outcome has:
      | path        | value              |
      | /error/code | RECOVERY_EXHAUSTED |
    And "Thumbs.decode" is executed 3 times
    And no effect remains
