/* State-to-state motion: the Motion type, and the function that makes it. */
#include "py_core.h"

#include <string.h>

#include "sc_otg.h"

typedef struct {
    PyObject_HEAD sc_otg_motion motion;
} motion_object;

/* spline(): the motion as polynomials of all joints on common segments. */
static PyObject *
motion_spline(PyObject *object, PyObject *Py_UNUSED(none))
{
    const sc_otg_motion *motion = &((motion_object *)object)->motion;
    core_state *state = PyType_GetModuleState(Py_TYPE(object));
    spline_object *result = core_spline_new(state, motion->dof, SC_OTG_SEGMENTS(motion->dof));
    if (result == NULL) {
        return NULL;
    }
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status = sc_otg_spline(motion, &result->spline);
    Py_END_ALLOW_THREADS if (status != SC_OK)
    {
        Py_DECREF(result);
        return core_raise("spline", status);
    }
    core_spline_trim(result);
    return (PyObject *)result;
}

static PyObject *
get_duration(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((motion_object *)self)->motion.duration);
}

static PyObject *
get_dof(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(((motion_object *)self)->motion.dof);
}

static void
motion_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyGetSetDef motion_getset[] = {
    {"duration", get_duration, NULL, "seconds", NULL},
    {"dof", get_dof, NULL, "number of joints", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef motion_methods[] = {
    {"spline", motion_spline, METH_NOARGS, "spline(): Spline"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot motion_slots[] = {
    {Py_tp_dealloc, CORE_SLOT(motion_dealloc)},
    {Py_tp_methods, motion_methods},
    {Py_tp_getset, motion_getset},
    {Py_tp_doc, "Phases of constant jerk of every joint; made by point_to_point, immutable."},
    {0, NULL},
};

static PyType_Spec motion_spec = {
    .name = "smart_cell.planner._core.Motion",
    .basicsize = sizeof(motion_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = motion_slots,
};

int
core_add_motion(PyObject *module, core_state *state)
{
    state->motion_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &motion_spec, NULL);
    return state->motion_type == NULL ? -1 : PyModule_AddType(module, state->motion_type);
}

static const char *const quantities[] = {"position", "velocity", "acceleration", "jerk"};

/* What stands in the way, for the Python face to raise. */
static PyObject *
refusal(sc_status status, const sc_otg_failure *f)
{
    if (status == SC_TOO_SHORT) {
        return Py_BuildValue("(ddd)", f->minimum, f->before, f->after);
    }
    if (status == SC_LIMIT_EXCEEDED || status == SC_OUT_OF_LIMITS) {
        return Py_BuildValue("(nsdd)", (Py_ssize_t)f->joint, quantities[f->quantity], f->value,
                             f->limit);
    }
    return core_raise("point_to_point", status);
}

static PyObject *
plan(core_state *state, const Py_buffer *views, double duration)
{
    size_t dof = (size_t)views[0].len / sizeof(double);
    motion_object *result = PyObject_New(motion_object, state->motion_type);
    if (result == NULL) {
        return NULL;
    }
    sc_joints_state start = {views[0].buf, views[1].buf, views[2].buf};
    sc_joints_state goal = {views[3].buf, views[4].buf, views[5].buf};
    sc_limits limits = core_limits(views[6].buf, dof);
    sc_otg_failure failure;
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status =
        sc_otg_plan(dof, &start, &goal, &limits, duration, &result->motion, &failure);
    Py_END_ALLOW_THREADS if (status == SC_OK)
    {
        return (PyObject *)result;
    }
    Py_DECREF(result);
    return refusal(status, &failure);
}

PyObject *
core_point_to_point(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    static const char *const names[7] = {"position", "velocity", "acceleration", "goal position",
                                         "goal velocity", "goal acceleration", "limits"};
    if (core_arguments("point_to_point", nargs, 8) != 0) {
        return NULL;
    }
    double duration = PyFloat_AsDouble(args[7]);
    Py_buffer views[7];
    if ((duration == -1.0 && PyErr_Occurred()) ||
        core_doubles(args[0], &views[0], 0, -1, names[0]) != 0) {
        return NULL;
    }
    Py_ssize_t dof = views[0].len / (Py_ssize_t)sizeof(double);
    core_request requests[6];
    for (size_t i = 0; i < 6; i++) {
        core_request one = {args[i + 1], 0, i < 5 ? dof : 5 * dof, names[i + 1]};
        requests[i] = one;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        PyErr_Format(PyExc_ValueError, "position must hold 1 to %d values, not %zd", SC_MAX_DOF,
                     dof);
        PyBuffer_Release(&views[0]);
        return NULL;
    }
    if (core_gather(requests, 6, views + 1) != 0) {
        PyBuffer_Release(&views[0]);
        return NULL;
    }
    PyObject *result = plan(PyModule_GetState(module), views, duration);
    core_release(views, 7);
    return result;
}
