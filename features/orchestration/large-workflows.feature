Feature: Large workflows
  Ten thousand steps behave like ten: each starts as soon as it can, all are undone
  when one fails, and a crash halfway loses none.

  Background:
    Given a service "Ledger"
    And "Ledger.post" takes 1 ms

  @orchestration-21
  Scenario: Ten thousand steps run sequentially
    Given the workflow "posting" of 10000 steps that call "Ledger.post"
    When the workflow runs
    Then the workflow completes
    And it takes 10 s
    And "Ledger.post" is executed 10000 times
    And the outcome has:
      | path              | value      |
      | /steps/9999/id    | step-10000 |
      | /steps/9999/took  | 1 ms       |

  @orchestration-21
  Scenario: Ten thousand independent steps run a thousand at a time
    Given the workflow "posting" of 10000 steps that call "Ledger.post", 1000 at a time
    When the workflow runs
    Then the workflow completes
    And it takes 10 ms
    And at most 1000 calls to "Ledger" run at once

  @orchestration-21
  Scenario: The last of ten thousand steps fails and all others are undone
    Given the workflow "posting" of 10000 steps that call "Ledger.post", undone by "Ledger.reverse"
    And "Ledger.post" answers:
      | execution | answer             |
      | 10000     | error CARD_DECLINED |
    When the workflow runs
    Then the workflow is rolled back
    And "Ledger.reverse" is executed 9999 times
    And no effect remains
    And the state of the workflow has:
      | path       | value            |
      | /status    | rolled_back      |
      | /failed    | ["step-10000"]   |

  @orchestration-21 @needs-sqlite
  Scenario: Ten thousand steps are finished after a crash halfway
    Given the workflow "posting" of 10000 steps that call "Ledger.post"
    And the journal is kept in a file
    And the orchestrator crashes during step "step-5000"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow completes
    And "Ledger.post" is executed 10001 times
    And no effect happens twice
