Feature: Steps of one's own
  A step by cucumber's macros stands beside those of the vocabulary.

  Scenario: A step of one's own sets the scene for one of the vocabulary
    Given a service Payments of my own
    When "Payments.charge" is called
    Then the call succeeds

  Scenario: A service of one's own is scripted and retried like any other
    Given "Ledger.post" takes 20 ms
    And "Ledger.post" fails 1 time with "TRANSIENT_ERROR"
    And every call is retried up to 1 time
    When "Ledger.post" is called 2 times
    Then the reply has:
      | path    | value |
      | /posted | 2     |
    And it takes 160 ms
    And "Ledger.post" is executed 3 times

  Scenario: Every scenario has the suite's services anew
    When "Ledger.post" is called
    Then the reply is:
      """json
      {"posted": 1}
      """

  Scenario: Steps share state of their own
    Given "Emma" is in the basket
    And "Ulysses" is in the basket
    Then the basket holds "Emma, Ulysses"

  Scenario: No scenario sees the state of another
    Then the basket holds ""

  @stock @slow
  Scenario: Hooks set the scene for those with their tags, in the order they were added
    When "Stock.reserve" is called
    Then it takes 200 ms

  @stock
  Scenario: A hook leaves other scenarios alone
    When "Stock.reserve" is called
    Then it takes 0 ms
