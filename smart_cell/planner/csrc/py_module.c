/* The extension module smart_cell.planner._core: state and multi-phase initialisation. */
#include "py_core.h"

static int
core_exec(PyObject *module)
{
    core_state *state = PyModule_GetState(module);
    if (core_add_chain(module, state) != 0 || core_add_kinematics(module, state) != 0 ||
        core_add_spline(module, state) != 0 || core_add_executor(module, state) != 0 ||
        core_add_motion(module, state) != 0 || core_add_state(module, state) != 0 ||
        PyModule_AddFunctions(module, core_timing_functions) != 0 ||
        PyModule_AddIntConstant(module, "MAX_DOF", SC_MAX_DOF) != 0 ||
        PyModule_AddIntConstant(module, "MAX_LINKS", SC_MAX_LINKS) != 0) {
        return -1;
    }
    return 0;
}

static int
core_traverse(PyObject *module, visitproc visit, void *arg)
{
    core_state *state = PyModule_GetState(module);
    Py_VISIT(state->chain_type);
    Py_VISIT(state->kinematics_type);
    Py_VISIT(state->spline_type);
    Py_VISIT(state->executor_type);
    Py_VISIT(state->motion_type);
    Py_VISIT(state->state_type);
    return 0;
}

static int
core_clear(PyObject *module)
{
    core_state *state = PyModule_GetState(module);
    Py_CLEAR(state->chain_type);
    Py_CLEAR(state->kinematics_type);
    Py_CLEAR(state->spline_type);
    Py_CLEAR(state->executor_type);
    Py_CLEAR(state->motion_type);
    Py_CLEAR(state->state_type);
    return 0;
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, CORE_SLOT(core_exec)},
    {0, NULL},
};

static struct PyModuleDef core_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "The planner core. Arguments are checked for size and type here, for meaning in the "
             "Python face (smart_cell.planner).",
    .m_size = sizeof(core_state),
    .m_methods = core_functions,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
