/* The Executor type: one arm's set-points. A lock makes it safe to share between threads. */
#include "py_core.h"

#include "sc_executor.h"

typedef struct {
    PyObject_HEAD sc_executor executor;
    spline_object *path; /* what executor.path refers to, or NULL */
    core_state *state;
    PyThread_type_lock lock;
} executor_object;

static void
lock(executor_object *self)
{
    if (!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)) {
        Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(self->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS
    }
}

static void
unlock(executor_object *self)
{
    PyThread_release_lock(self->lock);
}

/* Drops the reference to a path that the executor has let go. Under the lock; returns what the
 * caller releases after it. */
static spline_object *
let_go(executor_object *self)
{
    spline_object *old = NULL;
    if (self->executor.path == NULL) {
        old = self->path;
        self->path = NULL;
    }
    return old;
}

static PyObject *
executor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"dof", "limits", "period", "tolerance", "with_jerk", NULL};
    PyObject *rows;
    Py_ssize_t dof;
    double period, tolerance;
    int with_jerk;
    Py_buffer view;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nOddp:Executor", names, &dof, &rows, &period,
                                     &tolerance, &with_jerk)) {
        return NULL;
    }
    if (dof < 1 || dof > SC_MAX_DOF) {
        return PyErr_Format(PyExc_ValueError, "an executor has 1 to %d joints, not %zd", SC_MAX_DOF,
                            dof);
    }
    if (core_doubles(rows, &view, 0, 5 * dof, "limits") != 0) {
        return NULL;
    }
    executor_object *self = (executor_object *)type->tp_alloc(type, 0);
    if (self != NULL) {
        sc_limits limits = core_limits(view.buf, (size_t)dof);
        self->state = PyType_GetModuleState(type);
        self->lock = PyThread_allocate_lock();
        sc_status status = self->lock == NULL
                               ? SC_NO_MEMORY
                               : sc_executor_init(&self->executor, (size_t)dof, period, tolerance,
                                                  with_jerk != 0, &limits);
        if (status != SC_OK) {
            core_raise("Executor", status);
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static void
executor_dealloc(PyObject *object)
{
    executor_object *self = (executor_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->lock != NULL) {
        PyThread_free_lock(self->lock);
    }
    Py_XDECREF(self->path);
    type->tp_free(object);
    Py_DECREF(type);
}

static int
check_placed(const executor_object *self)
{
    if (!self->executor.placed) {
        PyErr_SetString(PyExc_ValueError, "the executor has no position yet");
        return -1;
    }
    return 0;
}

/* step(out (3, dof)): (time, active, path_time, speed). */
static PyObject *
executor_step(PyObject *object, PyObject *argument)
{
    executor_object *self = (executor_object *)object;
    size_t dof = self->executor.dof;
    Py_buffer view;
    if (check_placed(self) != 0 ||
        core_doubles(argument, &view, 1, 3 * (Py_ssize_t)dof, "out") != 0) {
        return NULL;
    }
    double *out = view.buf;
    lock(self);
    sc_set_point point = sc_executor_step(&self->executor, out, out + dof, out + 2 * dof);
    spline_object *old = let_go(self);
    unlock(self);
    Py_XDECREF(old);
    PyBuffer_Release(&view);
    return Py_BuildValue("(dOdd)", point.time, point.active ? Py_True : Py_False, point.path_time,
                         point.rate);
}

static PyObject *
executor_reset(PyObject *object, PyObject *argument)
{
    executor_object *self = (executor_object *)object;
    Py_buffer view;
    if (core_doubles(argument, &view, 0, (Py_ssize_t)self->executor.dof, "position") != 0) {
        return NULL;
    }
    lock(self);
    sc_executor_reset(&self->executor, view.buf);
    spline_object *old = let_go(self);
    unlock(self);
    Py_XDECREF(old);
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

static PyObject *
refusal(sc_status status, const sc_mismatch *mismatch, const sc_violation *violation)
{
    if (status == SC_OK) {
        Py_RETURN_NONE;
    }
    if (status == SC_LIMIT_EXCEEDED) {
        return Py_BuildValue("(sN)", "limit", core_violation(violation));
    }
    if (status == SC_MISMATCH) {
        sc_violation as_violation = {
            mismatch->joint, mismatch->quantity, mismatch->value, mismatch->expected, 0.0, 0.0};
        return Py_BuildValue("(sN)", "mismatch", core_violation(&as_violation));
    }
    return core_raise("Executor", status);
}

/* take(spline, at, position_tolerance, from_rest): None, or (kind, (joint, quantity, value, limit
 * or expected, time)) of what does not fit. */
static PyObject *
executor_take(PyObject *object, PyObject *args)
{
    executor_object *self = (executor_object *)object;
    spline_object *next;
    double at, tolerance;
    int from_rest;
    if (!PyArg_ParseTuple(args, "O!ddp:take", self->state->spline_type, &next, &at, &tolerance,
                          &from_rest) ||
        check_placed(self) != 0) {
        return NULL;
    }
    if (next->spline.dof != self->executor.dof) {
        return PyErr_Format(PyExc_ValueError, "a trajectory of %zu joints for an executor of %zu",
                            next->spline.dof, self->executor.dof);
    }
    lock(self);
    spline_object *path = core_spline_new(self->state, self->executor.dof,
                                          sc_executor_capacity(&self->executor, &next->spline));
    if (path == NULL) {
        unlock(self);
        return NULL;
    }
    sc_mismatch mismatch = {SC_POSITION, 0, 0.0, 0.0};
    sc_violation violation = {0, SC_POSITION, 0.0, 0.0, 0.0, 0.0};
    sc_status status;
    Py_BEGIN_ALLOW_THREADS status =
        sc_executor_compose(&self->executor, &next->spline, at, tolerance, from_rest != 0,
                            &path->spline, &mismatch, &violation);
    Py_END_ALLOW_THREADS spline_object *old = path;
    if (status == SC_OK) {
        core_spline_trim(path);
        old = self->path;
        self->path = path;
        sc_executor_adopt(&self->executor, &path->spline, at);
    }
    unlock(self);
    Py_XDECREF(old);
    return refusal(status, &mismatch, &violation);
}

typedef sc_status (*command)(sc_executor *executor);

static PyObject *
run_command(PyObject *object, command function)
{
    executor_object *self = (executor_object *)object;
    sc_status status;
    lock(self);
    Py_BEGIN_ALLOW_THREADS status = function(&self->executor);
    Py_END_ALLOW_THREADS double rest = function == sc_executor_resume
                                           ? sc_executor_rest_time(&self->executor)
                                           : sc_executor_stand_time(&self->executor);
    unlock(self);
    return Py_BuildValue("(Nd)", PyBool_FromLong(status == SC_OK), rest);
}

static PyObject *
executor_hold(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return run_command(self, sc_executor_hold);
}

static PyObject *
executor_stop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return run_command(self, sc_executor_stop);
}

static PyObject *
executor_resume(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return run_command(self, sc_executor_resume);
}

static PyObject *
executor_set_speed(PyObject *object, PyObject *argument)
{
    executor_object *self = (executor_object *)object;
    double speed = PyFloat_AsDouble(argument);
    if (speed == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    sc_status status;
    lock(self);
    Py_BEGIN_ALLOW_THREADS status = sc_executor_set_speed(&self->executor, speed);
    Py_END_ALLOW_THREADS double rest = sc_executor_rest_time(&self->executor);
    unlock(self);
    if (status == SC_BAD_ARGUMENT) {
        return core_raise("set_speed", status);
    }
    return Py_BuildValue("(Nd)", PyBool_FromLong(status == SC_OK), rest);
}

static PyObject *
get_time(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(sc_executor_time(&((executor_object *)self)->executor));
}

static PyObject *
get_mode(PyObject *self, void *Py_UNUSED(closure))
{
    static const char *const names[] = {"idle", "moving", "holding", "stopping"};
    return PyUnicode_FromString(names[((executor_object *)self)->executor.mode]);
}

static PyObject *
get_placed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((executor_object *)self)->executor.placed);
}

static PyObject *
get_speed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((executor_object *)self)->executor.speed);
}

static PyObject *
get_rest_time(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(sc_executor_rest_time(&((executor_object *)self)->executor));
}

static PyGetSetDef executor_getset[] = {
    {"time", get_time, NULL, "time of the latest set-point [s]", NULL},
    {"mode", get_mode, NULL, "idle, moving, holding or stopping", NULL},
    {"placed", get_placed, NULL, "whether a position is known", NULL},
    {"speed", get_speed, NULL, "the asked speed, 0..1", NULL},
    {"rest_time", get_rest_time, NULL, "when the present motion will have ended [s]", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef executor_methods[] = {
    {"step", executor_step, METH_O, "step(out (3, dof)): (time, active, path_time, speed)"},
    {"reset", executor_reset, METH_O, "reset(position)"},
    {"take", executor_take, METH_VARARGS,
     "take(spline, at, position_tolerance, from_rest): None or what does not fit"},
    {"hold", executor_hold, METH_NOARGS, "hold(): (changed, time at which it stands)"},
    {"stop", executor_stop, METH_NOARGS, "stop(): (changed, time at which it stands)"},
    {"resume", executor_resume, METH_NOARGS, "resume(): (changed, rest time)"},
    {"set_speed", executor_set_speed, METH_O, "set_speed(0..1): (changed, rest time)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot executor_slots[] = {
    {Py_tp_new, CORE_SLOT(executor_new)},  {Py_tp_dealloc, CORE_SLOT(executor_dealloc)},
    {Py_tp_methods, executor_methods},     {Py_tp_getset, executor_getset},
    {Py_tp_doc, "Set-points of one arm."}, {0, NULL},
};

static PyType_Spec executor_spec = {
    .name = "smart_cell.planner._core.Executor",
    .basicsize = sizeof(executor_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = executor_slots,
};

int
core_add_executor(PyObject *module, core_state *state)
{
    state->executor_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &executor_spec, NULL);
    return state->executor_type == NULL ? -1 : PyModule_AddType(module, state->executor_type);
}
