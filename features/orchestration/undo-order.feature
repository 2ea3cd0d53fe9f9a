Feature: The order of undoing
  A step is undone after all that depend on it; steps that do not depend on each other are undone side by
  side, up to the limit of the workflow.

  Background:
    Given a service "Travel"
    And "Travel.cancel-flight" takes 3 s
    And "Travel.cancel-hotel" takes 2 s
    And "Travel.cancel-car" takes 1 s
    And "Travel.close" takes 1 s
    And "Travel.confirm" fails with "PERMANENT_ERROR"
    And the workflow:
      """json
      {
        "id": "trip",
        "steps": [
          { "id": "open", "service": "Travel", "operation": "open", "compensation": "close" },
          { "id": "flight", "service": "Travel", "operation": "flight", "compensation": "cancel-flight", "dependencies": ["open"] },
          { "id": "hotel", "service": "Travel", "operation": "hotel", "compensation": "cancel-hotel", "dependencies": ["open"] },
          { "id": "car", "service": "Travel", "operation": "car", "compensation": "cancel-car", "dependencies": ["flight"] },
          { "id": "confirm", "service": "Travel", "operation": "confirm", "dependencies": ["hotel", "car"] }
        ]
      }
      """

  @orchestration-25
  Scenario: Independent steps are undone side by side, dependent ones in reverse
    When the workflow runs
    Then the workflow is rolled back
    And it takes 5 s
    And the calls are:
      | at  | call                 | took |
      | 0 s | Travel.open          | 0 s  |
      | 0 s | Travel.flight        | 0 s  |
      | 0 s | Travel.hotel         | 0 s  |
      | 0 s | Travel.car           | 0 s  |
      | 0 s | Travel.confirm       | 0 s  |
      | 0 s | Travel.cancel-car    | 1 s  |
      | 0 s | Travel.cancel-hotel  | 2 s  |
      | 1 s | Travel.cancel-flight | 3 s  |
      | 4 s | Travel.close         | 1 s  |

  @orchestration-25
  Scenario: No more are undone at once than the workflow allows
    Given the workflow:
      """json
      {
        "id": "trip", "maxParallel": 2,
        "steps": [
          { "id": "flight", "service": "Travel", "operation": "flight", "compensation": "cancel-flight", "dependencies": [] },
          { "id": "hotel", "service": "Travel", "operation": "hotel", "compensation": "cancel-hotel", "dependencies": [] },
          { "id": "car", "service": "Travel", "operation": "car", "compensation": "cancel-car", "dependencies": [] },
          { "id": "confirm", "service": "Travel", "operation": "confirm", "dependencies": ["flight", "hotel", "car"] }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the timeline has, in order:
      | at  | event                | step   |
      | 0 s | compensation_started | car    |
      | 0 s | compensation_started | hotel  |
      | 1 s | compensation_ended   | car    |
      | 1 s | compensation_started | flight |
      | 2 s | compensation_ended   | hotel  |
      | 4 s | compensation_ended   | flight |

  @orchestration-25
  Scenario: A step without compensation keeps the order of those around it
    Given the workflow:
      """json
      {
        "id": "trip",
        "steps": [
          { "id": "flight", "service": "Travel", "operation": "flight", "compensation": "cancel-flight" },
          { "id": "print", "service": "Travel", "operation": "print" },
          { "id": "hotel", "service": "Travel", "operation": "hotel", "compensation": "cancel-hotel" },
          { "id": "confirm", "service": "Travel", "operation": "confirm" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And it takes 5 s
    And these compensations run in order:
      | Travel.cancel-hotel  |
      | Travel.cancel-flight |

  @orchestration-25
  Scenario: An undo that fails holds up nothing
    Given "Travel.cancel-car" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow fails with "PERMANENT_ERROR"
    And these compensations run in order:
      | Travel.cancel-car    |
      | Travel.cancel-hotel  |
      | Travel.cancel-flight |
      | Travel.close         |

  @orchestration-25
  Scenario: A crash in the middle of two undos repeats both, each with one effect
    Given the orchestrator crashes during the compensation of step "car"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is rolled back
    And no effect remains
