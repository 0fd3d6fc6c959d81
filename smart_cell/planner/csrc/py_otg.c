/* State-to-state motion: the Motion type, and the function that makes it. */
#include "py_core.h"

#include <string.h>

#include "sc_otg.h"

#define POSITION_ROUNDING 1e-9 /* how far outside a position limit rounding may put a joint */
#define LONGEST 1e6            /* duration that may be asked for, s */

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
plan(core_state *state, const state_object *from, const state_object *to, const double *rows,
     double duration)
{
    size_t dof = from->dof;
    motion_object *result = PyObject_New(motion_object, state->motion_type);
    if (result == NULL) {
        return NULL;
    }
    const double *a = core_state_values(from), *b = core_state_values(to);
    sc_joints_state start = {a, a + dof, a + 2 * dof}, goal = {b, b + dof, b + 2 * dof};
    sc_limits limits = core_limits(rows, dof);
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

/* Whether two positions are inside their limits, but for rounding. */
static bool
positions_inside(size_t dof, const double *a, const double *b, const double *limits)
{
    const double *lower = limits, *upper = limits + dof;
    for (size_t i = 0; i < dof; i++) {
        if (!(fmin(a[i], b[i]) >= lower[i] - POSITION_ROUNDING &&
              fmax(a[i], b[i]) <= upper[i] + POSITION_ROUNDING)) {
            return false;
        }
    }
    return true;
}

/* point_to_point(start, goal, limits (5, dof), duration or None). ValueError or TypeError without a
 * useful text where an argument is wrong: the Python face finds out which. */
PyObject *
core_point_to_point(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    core_state *state = PyModule_GetState(module);
    double duration = 0.0;
    Py_buffer view;
    if (core_arguments("point_to_point", nargs, 4) != 0) {
        return NULL;
    }
    if (!PyObject_TypeCheck(args[0], state->state_type) ||
        !PyObject_TypeCheck(args[1], state->state_type)) {
        return PyErr_Format(PyExc_TypeError, "start and goal must be States");
    }
    const state_object *from = (state_object *)args[0], *to = (state_object *)args[1];
    if (args[3] != Py_None) {
        duration = PyFloat_AsDouble(args[3]);
        if (duration == -1.0 && PyErr_Occurred()) {
            return NULL;
        }
        if (!(duration > 0.0 && duration <= LONGEST)) {
            return PyErr_Format(PyExc_ValueError, "duration out of range");
        }
    }
    if (core_doubles(args[2], &view, 0, 5 * (Py_ssize_t)from->dof, "limits") != 0) {
        return NULL;
    }
    PyObject *result;
    if (from->dof != to->dof ||
        !positions_inside(from->dof, core_state_values(from), core_state_values(to), view.buf)) {
        result = PyErr_Format(PyExc_ValueError, "states and limits do not fit");
    }
    else {
        result = plan(state, from, to, view.buf, duration);
    }
    PyBuffer_Release(&view);
    return result;
}

/* The minimum duration of one problem; infinite if there is no motion. */
static double
minimum_duration(size_t dof, const double *a, const double *b, const double *rows,
                 sc_otg_motion *work)
{
    sc_joints_state start = {a, a + dof, a + 2 * dof}, goal = {b, b + dof, b + 2 * dof};
    sc_limits limits = core_limits(rows, dof);
    sc_otg_failure failure;
    bool fits = positions_inside(dof, a, b, rows) &&
                sc_otg_plan(dof, &start, &goal, &limits, 0.0, work, &failure) == SC_OK;
    return fits ? work->duration : HUGE_VAL;
}

/* durations(starts (m, 3, dof), goals (m, 3, dof), limits (5, dof), out (m,)). */
PyObject *
core_durations(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    Py_buffer views[4];
    if (core_arguments("durations", nargs, 4) != 0 ||
        core_doubles(args[2], &views[0], 0, -1, "limits") != 0) {
        return NULL;
    }
    Py_ssize_t dof = views[0].len / (5 * (Py_ssize_t)sizeof(double));
    if (dof < 1 || dof > SC_MAX_DOF || core_doubles(args[3], &views[1], 1, -1, "out") != 0) {
        PyBuffer_Release(&views[0]);
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "limits of no joint");
    }
    Py_ssize_t m = views[1].len / (Py_ssize_t)sizeof(double);
    const core_request requests[2] = {{args[0], 0, 3 * m * dof, "starts"},
                                      {args[1], 0, 3 * m * dof, "goals"}};
    if (core_gather(requests, 2, views + 2) != 0) {
        core_release(views, 2);
        return NULL;
    }
    const double *starts = views[2].buf, *goals = views[3].buf, *limits = views[0].buf;
    double *out = views[1].buf;
    size_t n = (size_t)dof;
    sc_otg_motion work;
    Py_BEGIN_ALLOW_THREADS for (size_t k = 0; k < (size_t)m; k++)
    {
        out[k] = minimum_duration(n, starts + 3 * k * n, goals + 3 * k * n, limits, &work);
    }
    Py_END_ALLOW_THREADS core_release(views, 4);
    Py_RETURN_NONE;
}
