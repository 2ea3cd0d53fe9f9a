@needs-tasks
Feature: Finding tasks
  Tasks are found by what they are, a page at a time, with their parts and their artifacts on request.

  Background:
    Given "Tasks" keeps tasks
    When these calls are made:
      | after   | call               | input                                                                                                                        |
      | 0 ms    | Tasks.plan_task    | {"task_id": "main", "title": "Release 2", "description": "All of it", "task_type": "milestone", "complexity": "complex"}     |
      | 1 min   | Tasks.plan_task    | {"task_id": "code", "parent_task_id": "main", "title": "Write it", "description": "In Rust", "specialist_type": "coder"}     |
      | 2 min   | Tasks.plan_task    | {"task_id": "test", "parent_task_id": "main", "title": "Test it", "description": "100 % of it", "specialist_type": "tester", "task_type": "testing"} |
      | 3 min   | Tasks.plan_task    | {"task_id": "unit", "parent_task_id": "test", "title": "Units", "description": "ÄRGER", "specialist_type": "tester", "complexity": "simple"} |
      | 4 min   | Tasks.execute_task | {"task_id": "code"}                                                                                                          |
      | 5 min   | Tasks.complete_task | {"task_id": "code", "summary": "Written", "detailed_work": "fn main() {}", "next_action": "complete", "artifact_type": "code"} |

  @tasks-6
  Scenario Outline: Tasks are found by <filter>
    When "Tasks.query_tasks" is called with:
      """json
      <filter>
      """
    Then the reply has:
      | path             | value   |
      | /tasks/0/task_id | <first> |
      | /total_count     | <count> |
      | /filters_applied | <names> |

    Examples:
      | filter                                                       | first | count | names                               |
      | {}                                                           | main  | 4     | []                                  |
      | {"status": "completed"}                                      | code  | 1     | ["status"]                          |
      | {"status": ["completed"]}                                    | code  | 1     | ["status"]                          |
      | {"status": ["completed", "pending"]}                         | main  | 4     | ["status"]                          |
      | {"status": "cancelled"}                                      |       | 0     | ["status"]                          |
      | {"task_type": ["testing", "milestone"]}                      | main  | 2     | ["task_type"]                       |
      | {"specialist_type": "tester"}                                | test  | 2     | ["specialist_type"]                 |
      | {"specialist_type": "tester", "complexity": "simple"}        | unit  | 1     | ["specialist_type", "complexity"]   |
      | {"parent_task_id": "main"}                                   | code  | 2     | ["parent_task_id"]                  |
      | {"search_text": "write"}                                     | code  | 1     | ["search_text"]                     |
      | {"search_text": "WRITE"}                                     | code  | 1     | ["search_text"]                     |
      | {"search_text": "ärger"}                                     | unit  | 1     | ["search_text"]                     |
      | {"search_text": "0 %"}                                       | test  | 1     | ["search_text"]                     |
      | {"search_text": "_"}                                         |       | 0     | ["search_text"]                     |
      | {"created_after": "2025-01-01T00:01:00Z"}                    | test  | 2     | ["created_after"]                   |
      | {"created_before": "2025-01-01T01:02:00+01:00"}              | main  | 2     | ["created_before"]                  |
      | {"created_after": "2025-01-01T00:00:30Z", "created_before": "2025-01-01T00:02:30Z"} | code | 2 | ["created_after", "created_before"] |

  @tasks-6
  Scenario Outline: Of four tasks, a page of <limit> from the <offset>th is given
    When "Tasks.query_tasks" is called with:
      """json
      { "limit": <limit>, "offset": <offset> }
      """
    Then the reply has:
      | path                     | value   |
      | /total_count             | 4       |
      | /tasks/0/task_id         | <first> |
      | /tasks/<last>/task_id    | <end>   |
      | /tasks/<beyond>          |         |
      | /has_more                | <more>  |
      | /page_size               | <limit> |
      | /page_count              | <pages> |
      | /current_page            | <page>  |

    Examples:
      | limit | offset | first | last | end  | beyond | more  | pages | page |
      | 2     | 0      | main  | 1    | code | 2      | true  | 2     | 1    |
      | 2     | 2      | test  | 1    | unit | 2      | false | 2     | 2    |
      | 3     | 3      | unit  | 0    | unit | 1      | false | 2     | 2    |
      | 4     | 0      | main  | 3    | unit | 4      | false | 1     | 1    |
      | 3     | 0      | main  | 2    | test | 3      | true  | 2     | 1    |
      | 1     | 4      |       | 0    |      | 0      | false | 4     | 5    |

  @tasks-6
  Scenario: Parts and artifacts are shown on request
    When "Tasks.query_tasks" is called with:
      """json
      { "task_type": "milestone" }
      """
    Then the reply has:
      | path              | value |
      | /tasks/0/task_id  | main  |
      | /tasks/0/children |       |
    When "Tasks.query_tasks" is called with:
      """json
      { "task_type": "milestone", "include_children": true, "include_artifacts": true }
      """
    Then the reply has:
      | path                                      | value |
      | /tasks/0/children/0/task_id               | code  |
      | /tasks/0/children/0/artifact_count        | 1     |
      | /tasks/0/children/0/artifacts/0/type      | code  |
      | /tasks/0/children/0/artifacts/0/size      | 12    |
      | /tasks/0/children/1/task_id               | test  |
      | /tasks/0/children/1/children/0/task_id    | unit  |
    When "Tasks.query_tasks" is called with:
      """json
      { "specialist_type": "coder" }
      """
    Then the reply has:
      | path                    | value |
      | /tasks/0/artifact_count | 1     |
      | /tasks/0/artifacts      |       |

  @tasks-6
  Scenario: What there is to do, and all there was
    When "Tasks.get_status" is called
    Then the reply has:
      | path              | value                           |
      | /counts           | {"completed": 1, "pending": 3}  |
      | /total_count      | 4                               |
      | /tasks/0/task_id  | main                            |
      | /tasks/1/task_id  | test                            |
      | /tasks/2/task_id  | unit                            |
      | /tasks/3          |                                 |
    When "Tasks.get_status" is called with:
      """json
      { "include_completed": true }
      """
    Then the reply has:
      | path             | value     |
      | /tasks/1/task_id | code      |
      | /tasks/1/status  | completed |
      | /tasks/3/task_id | unit      |
