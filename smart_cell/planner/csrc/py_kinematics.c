/* The Kinematics type, base of the Python class Robot: fk, fk_all, jacobian, inverse_dynamics.
 *
 * Arrays of float64 that fit are used where they are, through NumPy's C API: taking a buffer of an
 * array costs more than the kinematics of an arm. Everything else goes to the object's methods
 * `_arrays` and `_dynamics_arrays`, which convert or refuse it.
 */
#include "py_core.h"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

/* Above this many configurations a call runs without the GIL. */
#define BATCH_WITHOUT_GIL 8

typedef struct {
    PyObject_HEAD PyObject *chain; /* NULL until __init__ has succeeded */
    PyObject *payload_type;        /* its instances have `moments`, a checked (4, 4) */
    const sc_kernels *kernels;
    sc_model model;
    sc_load load; /* ordinary gravity, no payload */
} kinematics_object;

typedef enum { FK, FK_ALL, JACOBIAN, INVERSE_DYNAMICS } result_kind;

/* One call: where its arrays are. */
typedef struct {
    result_kind kind;
    Py_ssize_t n; /* configurations */
    const double *q, *qd, *qdd;
    double *out;
    sc_range range;
} request;

static const double ordinary_gravity[3] = {0.0, 0.0, -9.81};
static const double zeros[SC_MAX_DOF];

/* Shape of the result of one configuration; returns its number of dimensions. */
static int
result_shape(const kinematics_object *self, result_kind kind, npy_intp *shape)
{
    npy_intp dof = (npy_intp)self->model.dof;
    switch (kind) {
    case FK:
        shape[0] = shape[1] = 4;
        return 2;
    case FK_ALL:
        shape[0] = (npy_intp)self->model.links;
        shape[1] = shape[2] = 4;
        return 3;
    case JACOBIAN:
        shape[0] = 6;
        shape[1] = dof;
        return 2;
    case INVERSE_DYNAMICS:
        shape[0] = dof;
        break;
    }
    return 1;
}

/* Whether an object is an array of float64 in memory as C has it; subclasses are not. */
static inline bool
is_plain(PyObject *object)
{
    return PyArray_CheckExact(object) && PyArray_TYPE((PyArrayObject *)object) == NPY_DOUBLE &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* The values of an array (dof,) or (m, dof), or NULL; m is written, and must be the same if it is
 * not negative. */
static inline const double *
configurations(const kinematics_object *self, PyObject *object, int *dimensions, Py_ssize_t *m)
{
    if (!is_plain(object)) {
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)object;
    int nd = PyArray_NDIM(array);
    const npy_intp *shape = PyArray_DIMS(array);
    if (nd < 1 || nd > 2 || shape[nd - 1] != (npy_intp)self->model.dof) {
        return NULL;
    }
    Py_ssize_t rows = nd == 2 ? shape[0] : 1;
    if (*m >= 0 && (rows != *m || nd != *dimensions)) {
        return NULL;
    }
    *m = rows;
    *dimensions = nd;
    return PyArray_DATA(array);
}

/* As configurations; the number 0 stands for no motion of a single configuration. */
static inline const double *
rates(const kinematics_object *self, PyObject *object, int *dimensions, Py_ssize_t *m)
{
    if (*dimensions == 1 && ((PyLong_CheckExact(object) && PyObject_Not(object) == 1) ||
                             (PyFloat_CheckExact(object) && PyFloat_AS_DOUBLE(object) == 0.0))) {
        return zeros;
    }
    return configurations(self, object, dimensions, m);
}

/* The result array: `out` if it fits, a new one if it is None, else NULL. */
static PyObject *
result_array(const kinematics_object *self, result_kind kind, int dimensions, Py_ssize_t n,
             PyObject *out)
{
    npy_intp shape[4] = {n, 0, 0, 0};
    int lead = dimensions - 1;
    int nd = lead + result_shape(self, kind, shape + lead);
    if (out == NULL || out == Py_None) {
        return PyArray_SimpleNew(nd, shape, NPY_DOUBLE);
    }
    if (!is_plain(out) || !PyArray_ISWRITEABLE((PyArrayObject *)out) ||
        PyArray_NDIM((PyArrayObject *)out) != nd) {
        return NULL;
    }
    for (int i = 0; i < nd; i++) {
        if (PyArray_DIMS((PyArrayObject *)out)[i] != shape[i]) {
            return NULL;
        }
    }
    return Py_NewRef(out);
}

static void
run(const kinematics_object *self, const sc_load *load, const request *r)
{
    const sc_kernels *kernels = self->kernels;
    size_t n = (size_t)r->n;
    switch (r->kind) {
    case FK:
        kernels->fk(&self->model, r->range, n, r->q, r->out);
        break;
    case FK_ALL:
        kernels->fk_links(&self->model, r->range, n, r->q, r->out);
        break;
    case JACOBIAN:
        kernels->jacobian(&self->model, r->range, n, r->q, r->out);
        break;
    case INVERSE_DYNAMICS:
        kernels->inverse_dynamics(&self->model, load, r->range, n, r->q, r->qd, r->qdd, r->out);
        break;
    }
}

/* Whether all inputs are finite; finds the range of q. */
static bool
scan(const kinematics_object *self, request *r)
{
    size_t count = (size_t)r->n * self->model.dof;
    r->range = self->kernels->scan(count, r->q);
    return r->range != SC_RANGE_NOT_FINITE &&
           (r->kind != INVERSE_DYNAMICS ||
            (self->kernels->scan(count, r->qd) != SC_RANGE_NOT_FINITE &&
             self->kernels->scan(count, r->qdd) != SC_RANGE_NOT_FINITE));
}

/* Whether numbers have become too large on the way. */
static bool
overflows(const kinematics_object *self, const request *r)
{
    if (r->kind != INVERSE_DYNAMICS && r->range == SC_RANGE_SMALL) {
        return false;
    }
    npy_intp shape[3];
    size_t count = (size_t)r->n;
    for (int i = result_shape(self, r->kind, shape); i-- > 0;) {
        count *= (size_t)shape[i];
    }
    return self->kernels->scan(count, r->out) == SC_RANGE_NOT_FINITE;
}

/* Computes what fits. A new reference to the result; NULL without an exception if the arguments
 * are anything else than plain finite arrays of the right shapes. inputs: q, and qd and qdd. */
static PyObject *
compute(kinematics_object *self, result_kind kind, PyObject *const *inputs, PyObject *out,
        const sc_load *load)
{
    request r = {.kind = kind, .n = -1, .range = SC_RANGE_NOT_FINITE};
    int dimensions = 0;
    r.q = configurations(self, inputs[0], &dimensions, &r.n);
    if (r.q == NULL) {
        return NULL;
    }
    if (kind == INVERSE_DYNAMICS) {
        r.qd = rates(self, inputs[1], &dimensions, &r.n);
        r.qdd = rates(self, inputs[2], &dimensions, &r.n);
        if (r.qd == NULL || r.qdd == NULL) {
            return NULL;
        }
    }
    PyObject *result = scan(self, &r) ? result_array(self, kind, dimensions, r.n, out) : NULL;
    if (result == NULL) {
        return NULL;
    }
    r.out = PyArray_DATA((PyArrayObject *)result);
    if (r.n > BATCH_WITHOUT_GIL) {
        Py_BEGIN_ALLOW_THREADS run(self, load, &r);
        Py_END_ALLOW_THREADS
    }
    else {
        run(self, load, &r);
    }
    if (overflows(self, &r)) {
        PyObject *raised = PyObject_CallMethod((PyObject *)self, "_overflow", NULL);
        Py_XDECREF(raised);
        Py_CLEAR(result);
    }
    return result;
}

/* As compute, on what a Python method has made of the arguments: a tuple of inputs and out. */
static PyObject *
compute_converted(kinematics_object *self, result_kind kind, PyObject *made, const sc_load *load)
{
    if (made == NULL) {
        return NULL;
    }
    Py_ssize_t inputs = kind == INVERSE_DYNAMICS ? 3 : 1;
    PyObject *result = NULL;
    if (PyTuple_Check(made) && PyTuple_GET_SIZE(made) == inputs + 1) {
        PyObject *items[4];
        for (Py_ssize_t i = 0; i <= inputs; i++) {
            items[i] = PyTuple_GET_ITEM(made, i);
        }
        result = compute(self, kind, items, items[inputs], load);
    }
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "arrays that do not fit each other");
    }
    Py_DECREF(made);
    return result;
}

static kinematics_object *
ready(PyObject *object)
{
    kinematics_object *self = (kinematics_object *)object;
    if (self->chain == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "__init__ has not run");
        return NULL;
    }
    return self;
}

static PyObject *
of_positions(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             result_kind kind, const char *name)
{
    static const char *const names[] = {"q", "out", NULL};
    PyObject *values[2] = {NULL, NULL};
    kinematics_object *self = ready(object);
    if (self == NULL || core_sort_arguments(names, 1, 2, args, nargs, kwnames, values) != 0) {
        return NULL;
    }
    PyObject *result = compute(self, kind, values, values[1], NULL);
    if (result != NULL || PyErr_Occurred()) {
        return result;
    }
    PyObject *out = values[1] == NULL ? Py_None : values[1];
    PyObject *made = PyObject_CallMethod(object, "_arrays", "sOO", name, values[0], out);
    return compute_converted(self, kind, made, NULL);
}

static PyObject *
kinematics_fk(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return of_positions(self, args, nargs, kwnames, FK, "fk");
}

static PyObject *
kinematics_fk_all(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return of_positions(self, args, nargs, kwnames, FK_ALL, "fk_all");
}

static PyObject *
kinematics_jacobian(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return of_positions(self, args, nargs, kwnames, JACOBIAN, "jacobian");
}

/* The values of an array with so many of them, or NULL. */
static const double *
values_of(PyObject *object, npy_intp count)
{
    bool fits = is_plain(object) && PyArray_SIZE((PyArrayObject *)object) == count;
    return fits ? PyArray_DATA((PyArrayObject *)object) : NULL;
}

/* Reads gravity and payload, each of them or None. False, without an exception, if one is anything
 * else than a plain array of three and a Payload. */
static bool
read_load(const kinematics_object *self, PyObject *payload, PyObject *gravity, sc_load *load)
{
    const double *values = gravity == Py_None ? ordinary_gravity : values_of(gravity, 3);
    if (values == NULL) {
        return false;
    }
    if (payload == Py_None) {
        return sc_model_load(&self->model, values, NULL, load) == SC_OK;
    }
    if (!PyObject_TypeCheck(payload, (PyTypeObject *)self->payload_type)) {
        return false;
    }
    PyObject *moments = PyObject_GetAttrString(payload, "moments");
    const double *body = moments == NULL ? NULL : values_of(moments, 16);
    bool done = body != NULL && sc_model_load(&self->model, values, body, load) == SC_OK;
    Py_XDECREF(moments);
    PyErr_Clear();
    return done;
}

static PyObject *
kinematics_inverse_dynamics(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    static const char *const names[] = {"q", "qd", "qdd", "payload", "out", "gravity", NULL};
    PyObject *values[6] = {NULL};
    kinematics_object *self = ready(object);
    if (self == NULL || core_sort_arguments(names, 3, 5, args, nargs, kwnames, values) != 0) {
        return NULL;
    }
    for (size_t i = 3; i < 6; i++) {
        values[i] = values[i] == NULL ? Py_None : values[i];
    }
    sc_load load = self->load;
    bool ordinary = values[3] == Py_None && values[5] == Py_None;
    if (ordinary || read_load(self, values[3], values[5], &load)) {
        PyObject *result = compute(self, INVERSE_DYNAMICS, values, values[4], &load);
        if (result != NULL || PyErr_Occurred()) {
            return result;
        }
    }
    PyObject *made = PyObject_CallMethod(object, "_dynamics_arrays", "OOOOOO", values[0], values[1],
                                         values[2], values[3], values[4], values[5]);
    PyObject *arrays, *gravity;
    if (made == NULL || !PyArg_ParseTuple(made, "O!O", &PyTuple_Type, &arrays, &gravity)) {
        Py_XDECREF(made);
        return NULL;
    }
    PyObject *result = NULL;
    if (read_load(self, values[3], gravity, &load)) {
        result = compute_converted(self, INVERSE_DYNAMICS, Py_NewRef(arrays), &load);
    }
    else {
        PyErr_SetString(PyExc_ValueError, "a gravity or payload that does not fit");
    }
    Py_DECREF(made);
    return result;
}

static void kinematics_dealloc(PyObject *self);

/* The module's state from the type made here, of which `type` is a subclass. */
static core_state *
state_of(PyTypeObject *type)
{
    while (type->tp_dealloc != kinematics_dealloc) {
        type = type->tp_base;
    }
    return PyType_GetModuleState(type);
}

static int
kinematics_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    kinematics_object *self = (kinematics_object *)object;
    PyObject *chain, *inertias, *payload_type;
    core_state *state = state_of(Py_TYPE(object));
    static char *names[] = {"chain", "inertias", "payload_type", NULL};
    if (state == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO!:Kinematics", names, state->chain_type,
                                     &chain, &inertias, &PyType_Type, &payload_type)) {
        return -1;
    }
    if (self->chain != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "__init__ runs once");
        return -1;
    }
    const sc_chain *source = &((chain_object *)chain)->chain;
    Py_buffer view;
    if (core_doubles(inertias, &view, 0, 16 * (Py_ssize_t)source->dof, "inertias") != 0) {
        return -1;
    }
    sc_status status = sc_model_compile(source, view.buf, &self->model);
    PyBuffer_Release(&view);
    if (status == SC_OK) {
        status = sc_model_load(&self->model, ordinary_gravity, NULL, &self->load);
    }
    if (status != SC_OK) {
        core_raise("Kinematics", status);
        return -1;
    }
    self->kernels = state->kernels;
    self->chain = Py_NewRef(chain);
    self->payload_type = Py_NewRef(payload_type);
    return 0;
}

static void
kinematics_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((kinematics_object *)self)->chain);
    Py_XDECREF(((kinematics_object *)self)->payload_type);
    type->tp_free(self);
    Py_DECREF(type);
}

#define METHOD(name, text) \
    {#name, (PyCFunction)(void (*)(void))kinematics_##name, METH_FASTCALL | METH_KEYWORDS, text}

static PyMethodDef kinematics_methods[] = {
    METHOD(fk, "fk($self, /, q, out=None)\n--\n\n"
               "Return the pose of the tip in the base.\n\n"
               "Args:\n"
               "    q: Joint positions, shape (n,) or (m, n). Position limits are not checked.\n"
               "    out: Where to write, shape (4, 4) or (m, 4, 4); None = a new array.\n\n"
               "Raises:\n"
               "    PlannerError: Wrong shapes, or not finite."),
    METHOD(fk_all,
           "fk_all($self, /, q, out=None)\n--\n\n"
           "Return the poses of all links in the base, in the order of ``link_names``.\n\n"
           "Args:\n"
           "    q: Joint positions, shape (n,) or (m, n).\n"
           "    out: Where to write, shape (links, 4, 4) or (m, links, 4, 4); None = a new array.\n"
           "\n"
           "Raises:\n"
           "    PlannerError: Wrong shapes, or not finite."),
    METHOD(jacobian,
           "jacobian($self, /, q, out=None)\n--\n\n"
           "Return the geometric Jacobian at the tip, in base axes: rows linear x y z, angular "
           "x y z.\n\n"
           "Args:\n"
           "    q: Joint positions, shape (n,) or (m, n).\n"
           "    out: Where to write, shape (6, n) or (m, 6, n); None = a new array.\n\n"
           "Raises:\n"
           "    PlannerError: Wrong shapes, or not finite."),
    METHOD(inverse_dynamics,
           "inverse_dynamics($self, /, q, qd, qdd, payload=None, out=None, *, gravity=None)\n"
           "--\n\n"
           "Return the joint torques [N m], or forces [N], of a motion.\n\n"
           "Recursive Newton-Euler (Luh, Walker and Paul 1980; Featherstone 2008, section 5.3).\n"
           "Masses are those of the description: every link from the first moving joint on, with\n"
           "all that hangs on it, other moving joints at zero; links without <inertial> have\n"
           "none. Friction and rotors are left out. ``inverse_dynamics(q, 0.0, 0.0)`` is what\n"
           "holds the arm against gravity.\n\n"
           "Args:\n"
           "    q: Joint positions, shape (n,) or (m, n). Position limits are not checked.\n"
           "    qd: Velocities [rad/s or m/s], shape of q, or what broadcasts to it.\n"
           "    qdd: Accelerations [rad/s^2 or m/s^2], likewise.\n"
           "    payload: What the tip carries; None = nothing.\n"
           "    out: Where to write, shape of q; may be one of the inputs; None = a new array.\n"
           "    gravity: In base axes [m/s^2], shape (3,); None = (0, 0, -9.81), an upright base.\n"
           "\n"
           "Raises:\n"
           "    PlannerError: Wrong shapes, not finite, or beyond what float64 holds."),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot kinematics_slots[] = {
    {Py_tp_new, CORE_SLOT(PyType_GenericNew)},
    {Py_tp_init, CORE_SLOT(kinematics_init)},
    {Py_tp_dealloc, CORE_SLOT(kinematics_dealloc)},
    {Py_tp_methods, kinematics_methods},
    {Py_tp_doc, "Kinematics and dynamics of one chain; base of Robot, which converts arguments."},
    {0, NULL},
};

static PyType_Spec kinematics_spec = {
    .name = "smart_cell.planner._core.Kinematics",
    .basicsize = sizeof(kinematics_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_BASETYPE,
    .slots = kinematics_slots,
};

/* Every file that uses arrays has its own table of NumPy's functions. */
static int
import_numpy(void)
{
    import_array1(-1);
    return 0;
}

int
core_add_kinematics(PyObject *module, core_state *state)
{
    const char *level = getenv("SMART_CELL_SIMD");
    state->kernels = sc_kernels_get(level != NULL && *level != '\0' ? level : NULL);
    if (state->kernels == NULL) {
        PyErr_Format(PyExc_ImportError,
                     "SMART_CELL_SIMD is '%s'; allowed, where the processor has it: base, avx2, "
                     "avx512",
                     level);
        return -1;
    }
    if (import_numpy() != 0 ||
        PyModule_AddStringConstant(module, "SIMD", state->kernels->name) != 0) {
        return -1;
    }
    state->kinematics_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &kinematics_spec, NULL);
    return state->kinematics_type == NULL ? -1 : PyModule_AddType(module, state->kinematics_type);
}
