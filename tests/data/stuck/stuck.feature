Feature: Stuck
  Scenario: Before
    Given a service Payments of my own

  Scenario: Deadlocked
    Given a service Payments of my own
    When the scenario deadlocks
    Then the call succeeds

  Scenario: Spinning
    Given a service Payments of my own
    When "Payments.charge" is called
    And the thread spins

  Scenario: Unfinished
    When the step is not finished yet
    Then the call succeeds

  Scenario: Ambiguous
    Then two definitions answer

  Scenario: After
    Given a service Payments of my own
