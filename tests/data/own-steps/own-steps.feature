Feature: Steps of one's own
  A step by cucumber's macros stands beside those of the vocabulary.

  Scenario: A step of one's own sets the scene for one of the vocabulary
    Given a service Payments of my own
    When "Payments.charge" is called
    Then the call succeeds

  Scenario: A service of one's own is scripted and retried like any other
    Given a ledger of my own
    And "Ledger.post" takes 20 ms
    And "Ledger.post" fails 1 time with "TRANSIENT_ERROR"
    And every call is retried up to 1 time
    When "Ledger.post" is called 2 times
    Then the reply has:
      | path    | value |
      | /posted | 2     |
    And it takes 160 ms
    And "Ledger.post" is executed 3 times
