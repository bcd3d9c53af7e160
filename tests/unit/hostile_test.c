/* Hostile templates end, in a typed error, whatever bound they run into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "chat/jinja/jinja.h"
#include "hostile_templates.h"

static void test_each(void **state)
{
    const struct ori_jinja_input input = {0};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(hostile_templates); i++) {
        const struct hostile *hostile = &hostile_templates[i];
        char *source = hostile_source(hostile);
        struct ori_chat_prompt prompt = {0};
        struct ori_jinja *jinja = NULL;
        orion_error err = {0};

        assert_non_null(source);
        orion_status status =
            ori_jinja_parse((struct ori_str){source, strlen(source)}, &jinja, &err);
        if (status == ORION_OK)
            status = ori_jinja_render(jinja, &input, &prompt, &err);
        if (status != hostile->status || !strstr(err.message, hostile->says))
            fail_msg("%s: status %d: %s", hostile->label, (int)status, err.message);
        assert_true(status == ORION_OK || (prompt.text.data == NULL && prompt.spans == NULL));
        ori_chat_prompt_release(&prompt);
        ori_jinja_free(jinja);
        free(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
    };
    return cmocka_run_group_tests_name("hostile templates", tests, NULL, NULL);
}
