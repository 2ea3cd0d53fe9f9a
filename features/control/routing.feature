@needs-control
Feature: Who carries out a plan
  Each plan goes to one worker, chosen by a policy that does what its name says.

  Background:
    Given the services from "calculators"
    And the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |

  @control-2
  Scenario: Without workers a plan is made, and then the goal fails
    Given the coordinator:
      """json
      {}
      """
    When the goal "Add" is pursued
    Then the goal fails with "WORKER_UNAVAILABLE"
    And the stages are:
      | initialize |
      | plan       |
      | failed     |
    And the outcome of the goal has:
      | path           | value                |
      | /error/message | there are no workers |
      | /plan/stage    | cancelled            |
    And "Calculator.add" is never executed

  @control-2
  Scenario: Three workers take six plans in turn
    Given 3 workers
    When these goals are pursued at once:
      | goal |
      | Add  |
      | Add  |
      | Add  |
      | Add  |
      | Add  |
      | Add  |
    Then the timeline has, in order:
      | event         | target |
      | route_decided | w1     |
      | route_decided | w2     |
      | route_decided | w3     |
      | route_decided | w1     |
      | route_decided | w2     |
      | route_decided | w3     |

  @control-2
  Scenario: A worker that is not available is passed over, the others take turns
    Given 3 workers
    And the worker "w2" is not available
    When the goal "Add" is pursued 3 times
    Then the timeline has, in order:
      | event         | target | alternatives |
      | route_decided | w1     | ["w3"]       |
      | route_decided | w3     | ["w1"]       |
      | route_decided | w1     | ["w3"]       |
    Given the worker "w2" is available
    When the goal "Add" is pursued
    Then the timeline has, in order:
      | event         | target | alternatives |
      | route_decided | w1     | ["w2", "w3"] |

  @control-2
  Scenario: Where nobody is available the goal fails, after its plan
    Given 2 workers
    And the worker "w1" is not available
    And the worker "w2" is not available
    When the goal "Add" is pursued
    Then the goal fails with "WORKER_UNAVAILABLE"
    And the outcome of the goal has:
      | path           | value                                  |
      | /error/message | none of the 2 workers is available |

  @control-2
  Scenario Outline: By capability: <title>
    Given the coordinator:
      """json
      {
        "routing": "capability",
        "workers": [
          { "id": "half", "capabilities": ["web"] },
          { "id": "whole", "capabilities": ["web", "search"] },
          { "id": "other", "capabilities": ["cooking"] }
        ]
      }
      """
    When the goal is pursued:
      """json
      { "goal": "Add", "requires": <requires> }
      """
    Then the goal completes
    And the timeline has, in order:
      | event         | target   | confidence   | reason   |
      | route_decided | <worker> | <confidence> | <reason> |

    Examples:
      | title                                | requires                   | worker | confidence | reason                                     |
      | whoever has all of it                | ["search", "web"]          | whole  | 1.0        | has 2 of the 2 required capabilities       |
      | of two with as much the first        | ["web"]                    | half   | 1.0        | has 1 of the 1 required capabilities       |
      | whoever has most of it               | ["search", "web", "maths", "art"] | whole  | 0.5        | has 2 of the 4 required capabilities       |
      | the first where nothing is required  | []                         | half   | 0.5        | nothing is required, so the first one      |

  @control-2
  Scenario: By capability: whoever can do nothing of it is not asked
    Given the coordinator:
      """json
      { "routing": "capability", "workers": [{ "id": "cook", "capabilities": ["cooking"] }] }
      """
    When the goal is pursued:
      """json
      { "goal": "Add", "requires": ["maths"] }
      """
    Then the goal fails with "WORKER_UNAVAILABLE"
    And the outcome of the goal has:
      | path           | value                                                                  |
      | /error/message | no available worker has any of the required capabilities ["maths"] |

  @control-2
  Scenario: By load: the least busy, of equals whoever has the fewest plans at work
    Given the coordinator:
      """json
      {
        "routing": "loadBalanced",
        "workers": [{ "id": "busy", "load": 0.9 }, { "id": "one", "load": 0.2 }, { "id": "two", "load": 0.2 }]
      }
      """
    And "Calculator.add" takes 1 s
    When these goals are pursued at once:
      | goal |
      | Add  |
      | Add  |
      | Add  |
    Then the timeline has, in order:
      | event         | target | reason                                        |
      | route_decided | one    | the lowest load, 0.2, with 0 plans at work |
      | route_decided | two    | the lowest load, 0.2, with 0 plans at work |
      | route_decided | one    | the lowest load, 0.2, with 1 plans at work |

  @control-2
  Scenario: By priority: the highest, and the next where that one is not available
    Given the coordinator:
      """json
      {
        "routing": "priority",
        "workers": [{ "id": "junior" }, { "id": "senior", "priority": 5 }, { "id": "expert", "priority": 9 }]
      }
      """
    When the goal "Add" is pursued
    Then the outcome of the goal has:
      | path    | value  |
      | /worker | expert |
    Given the worker "expert" is not available
    When the goal "Add" is pursued
    Then the outcome of the goal has:
      | path    | value  |
      | /worker | senior |

  @control-2
  Scenario: By hand: whoever the goal names, for its reason
    Given the coordinator:
      """json
      { "routing": "manual", "workers": [{ "id": "ana" }, { "id": "ben" }] }
      """
    When the goal is pursued:
      """json
      { "goal": "Add", "route": { "worker": "ben", "reason": "knows the customer", "confidence": 0.7 } }
      """
    Then the timeline has, in order:
      | event         | target | reason             | confidence |
      | route_decided | ben    | knows the customer | 0.7        |

  @control-2
  Scenario Outline: By hand: <title>
    Given the coordinator:
      """json
      { "routing": "manual", "workers": [{ "id": "ana" }, { "id": "ben", "available": false }] }
      """
    When the goal is pursued:
      """json
      { "goal": "Add"<route> }
      """
    Then the goal fails with "WORKER_UNAVAILABLE"
    And the outcome of the goal has:
      | path           | value     |
      | /error/message | <message> |

    Examples:
      | title                            | route                                             | message                                                         |
      | nobody is named                  |                                                   | workers are chosen by hand, and the goal has no "route"         |
      | somebody is named who is not there | , "route": { "worker": "anna", "reason": "why" } | worker "anna" does not exist: did you mean "ana"?             |
      | somebody is named who is away    | , "route": { "worker": "ben", "reason": "why" }   | worker "ben" is not available                                 |
