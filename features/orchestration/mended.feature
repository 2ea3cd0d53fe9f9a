Feature: Workflows that are mended before they resume
  What a partial result still needs may have been planned wrongly. It resumes with another definition of the
  steps that have not completed; what has completed is neither repeated nor changed.

  Background:
    Given a service "Sums"
    And the workflow:
      """json
      {
        "id": "sums",
        "onFailure": "keep",
        "steps": [
          { "id": "add", "service": "Sums", "operation": "add", "input": { "a": 1, "b": 2 } },
          { "id": "divide", "service": "Sums", "operation": "divide", "input": { "a": 3, "b": 0 } },
          { "id": "print", "service": "Sums", "operation": "print" }
        ]
      }
      """
    And "Sums.divide" fails 1 time with "VALIDATION_FAILED"
    When the workflow runs
    Then the workflow is interrupted

  @orchestration-13 @control-4
  Scenario: A failed step is mended, and the steps after it too
    When the workflow resumes, mended:
      """json
      {
        "id": "sums",
        "onFailure": "keep",
        "steps": [
          { "id": "add", "service": "Sums", "operation": "add", "input": { "a": 1, "b": 2 } },
          { "id": "divide", "service": "Sums", "operation": "divide", "input": { "a": 3, "b": 1 } },
          { "id": "check", "service": "Sums", "operation": "check" },
          { "id": "publish", "service": "Sums", "operation": "publish" }
        ]
      }
      """
    Then the workflow completes
    And the steps run in this order:
      | add     |
      | divide  |
      | check   |
      | publish |
    And "Sums.add" is executed 1 time
    And "Sums.print" is never executed
    And "Sums.divide" received:
      """json
      { "a": 3, "b": 1 }
      """
    And the outcome has:
      | path   | value  |
      | /run   | sums-1 |
      | /error |        |

  @orchestration-13 @control-4
  Scenario Outline: A crash <point> step "check" loses nothing of what was mended
    Given the workflow:
      """json
      {
        "id": "other",
        "onFailure": "keep",
        "steps": [
          { "id": "add", "service": "Sums", "operation": "addToo" },
          { "id": "check", "service": "Sums", "operation": "checkToo" }
        ]
      }
      """
    And "Sums.checkToo" fails 1 time with "VALIDATION_FAILED"
    When the workflow runs
    Then the workflow is interrupted
    Given the orchestrator crashes <point> step "check"
    When the workflow resumes, mended:
      """json
      {
        "id": "other",
        "onFailure": "keep",
        "steps": [
          { "id": "add", "service": "Sums", "operation": "addToo" },
          { "id": "check", "service": "Sums", "operation": "checkWell" },
          { "id": "publish", "service": "Sums", "operation": "publish" }
        ]
      }
      """
    And the orchestrator restarts
    Then the workflow completes
    And "Sums.addToo" is executed 1 time
    And "Sums.publish" is executed 1 time
    And no effect happens twice

    Examples:
      | point  |
      | before |
      | during |
      | after  |

  @orchestration-13 @control-5
  Scenario Outline: <what> is refused
    When the workflow resumes, mended:
      """json
      {
        "id": "<id>",
        "onFailure": "keep",
        "steps": [
          { "id": "add", "service": "Sums", "operation": "<operation>", "input": { "a": 1, "b": 2 } },
          { "id": "divide", "service": "Sums", "operation": "divide", "input": { "a": 3, "b": 1 } }
        ]
      }
      """
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "<pointer>" and says "<message>"
    And "Sums.divide" is executed 1 time

    Examples:
      | what                            | id     | operation | pointer  | message                                  |
      | A change of a step that completed | sums | subtract  | /steps/0 | has completed, and so cannot be changed  |
      | Another workflow                | others | add       | /id      | expected another definition of           |

  @orchestration-13 @control-5
  Scenario: A step that may have had an effect is not changed
    Given the workflow:
      """json
      { "id": "doubt", "onFailure": "keep", "steps": [{ "id": "pay", "service": "Sums", "operation": "pay" }] }
      """
    And "Sums.pay" answers:
      | execution | answer |
      | 1         | lost   |
    When the workflow runs
    Then the workflow is interrupted
    When the workflow resumes, mended:
      """json
      { "id": "doubt", "onFailure": "keep", "steps": [{ "id": "pay", "service": "Sums", "operation": "payLess" }] }
      """
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/steps/0" and says "may have had an effect, and so cannot be changed"

  @orchestration-13 @control-6
  Scenario: An approval that moves to another place is asked for again
    Given the workflow:
      """json
      {
        "id": "payout",
        "onFailure": "keep",
        "steps": [
          { "id": "release", "approval": { "for": "paying" } },
          { "id": "pay", "service": "Sums", "operation": "pay" }
        ]
      }
      """
    And "Sums.pay" fails 1 time with "VALIDATION_FAILED"
    When the workflow starts
    And "ana" approves step "release" because "fine"
    Then the workflow is interrupted
    When the workflow resumes, mended:
      """json
      {
        "id": "payout",
        "onFailure": "keep",
        "steps": [
          { "id": "check", "service": "Sums", "operation": "check" },
          { "id": "release", "approval": { "for": "paying" } },
          { "id": "pay", "service": "Sums", "operation": "pay" }
        ]
      }
      """
    Then the workflow is interrupted
    And it takes 5 min
    And "Sums.pay" is executed 1 time
    And the timeline has, in order:
      | event              | request            |
      | approval_requested | payout-1/release   |
      | approval_requested | payout-1/release~2 |
