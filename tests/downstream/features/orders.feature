Feature: Orders

  Scenario: Every third copy is free
    Given a customer wants 7 copies
    Then the price is 50 cents at 10 each

  Scenario: An order is sent with its invoice
    Given the services from "shop"
    And the workflow "order"
    When the workflow runs
    Then the workflow completes
    And the outcome matches the snapshot

  @no-paper
  Scenario: An order without an invoice is not sent
    Given the services from "shop"
    And the workflow "order"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "OUT_OF_PAPER" from "Invoices.print"
    And these compensations run in order:
      | Stock.release |
    And "Parcels.send" is never executed
